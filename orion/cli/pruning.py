"""What `orion database prune` does: counts, asks, deletes, and says how far it is."""

from __future__ import annotations

import msgspec

from orion.cli.console import confirm, count, note, show_json, show_rows
from orion.cli.progress import Progress
from orion.model.times import utcnow
from orion.services import retention
from orion.settings import current
from orion.store import Role, Store, open_store


def prune(wanted: dict[str, int | None], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete what is older than the settings, or what is given in their place, allow."""
    given = {f"ORION_RETENTION_{name}": number for name, number in wanted.items() if number is not None}
    if retention.is_off(current()) and not given:
        note(
            "ORION_RETENTION is off: everything is kept. Say --days, --keep or --log-days to delete all the same."
        )
        return
    terms = retention.terms(current().with_updates(given), utcnow())
    store = open_store(current().database_url, role=Role.CLOCK)
    try:
        old = retention.find(store, terms)
        _show(old, dry_run, as_json)
        if not dry_run and _sum(old):
            _delete(store, terms, old, yes)
    finally:
        store.close()


def _show(old: retention.Old, dry_run: bool, as_json: bool) -> None:
    if as_json:
        return show_json(msgspec.to_builtins(old))
    rows = [(flow, count(number, "run")) for flow, number in old.runs.items()]
    rows += [("log lines", f"{old.logs:,}")] * bool(old.logs)
    rows += [("notifications", f"{old.messages:,}")] * bool(old.messages)
    show_rows(("Of", "Would go" if dry_run else "Old"), rows)
    if not rows:
        note("Nothing is old enough to go.")


def _delete(store: Store, terms: retention.Terms, old: retention.Old, yes: bool) -> None:
    confirm(f"Delete {count(_sum(old), 'row')} and all that hangs on them?", yes)
    progress = Progress("Deleting", _sum(old))
    try:
        deleted = retention.delete(store, terms, tell=progress.to)
    finally:
        progress.clear()
    note(f"Deleted {count(deleted, 'row')}.")


def _sum(old: retention.Old) -> int:
    return sum(old.runs.values()) + old.logs + old.messages
