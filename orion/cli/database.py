"""`orion database`: make, upgrade, reset, put back and check the database that the settings name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orion.cli.console import Format, Json, Output, confirm, fail, note, show_json
from orion.cli.groups import new_group
from orion.cli.progress import waiting
from orion.settings import current

app = new_group("Upgrade, back up, restore, check, measure and empty the database.")

Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


def _where() -> str:
    from orion.store.url import parse

    return str(parse(current().database_url))


@app.command("reset")
def reset(yes: Yes = False) -> None:
    """Drop everything and make an empty database."""
    from orion.store import upkeep

    confirm(f"Delete everything in {_where()}?", yes)
    with waiting("Resetting"):
        upkeep.reset(current().database_url)
    print(f"{_where()} is empty and new.")


@app.command("upgrade")
def upgrade(
    yes: Yes = False,
    revision: Annotated[
        int | None,
        typer.Option("-r", "--revision", metavar="SCHEMA", min=1, help="Up to this schema, not to the last."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")] = False,
) -> None:
    """Bring the schema up to date; a SQLite file is copied first. `orion start` does it by itself."""
    from orion.store import upkeep

    url = current().database_url
    steps = upkeep.pending(url, revision)
    if dry_run:
        print("\n".join(f"-- {step.number:04} {step.name}\n{step.text}" for step in steps), end="")
    elif not steps:
        print(f"{_where()} is up to date{_with_schema(revision)}.")
    else:
        confirm(f"Upgrade {_where()} by {len(steps)} steps?", yes or not sys.stdin.isatty())
        with waiting("Upgrading"):
            copy = upkeep.upgrade(url, revision)
        kept = f" What was there before is in {copy}." if copy else ""
        print(f"{_where()} is up to date{_with_schema(revision)}.{kept}")


def _with_schema(revision: int | None) -> str:
    return "" if revision is None else f" with schema {revision}"


@app.command("downgrade")
def downgrade(
    yes: Yes = False,
    revision: Annotated[
        int | None,
        typer.Option(
            "-r", "--revision", metavar="SCHEMA", min=1, help="Back to this schema, not to the last."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which backup it would be and change nothing.")
    ] = False,
) -> None:
    """Put the newest backup of an older schema back, as an upgrade makes one; what was written since is lost."""
    from orion.store import upkeep

    copy, before, now = upkeep.older(current().database_url, revision)
    if dry_run:
        print(f"{copy} (schema {before}) would take the place of {_where()} (schema {now}).")
    else:
        _restore(copy, yes)


@app.command("restore")
def restore(
    copy: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file of the backup.")],
    yes: Yes = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Put a backup in the place of the database; no server may have it open."""
    _restore(copy, yes, as_json or output is Format.json)


def _restore(copy: Path, yes: bool, as_json: bool = False) -> None:
    from orion.store import upkeep

    confirm(f"Replace {_where()} by {copy}?", yes)
    with waiting("Restoring"):
        used = upkeep.restore(current().database_url, copy)
    if as_json:
        return show_json({"database": _where(), "restored": str(used)})
    print(f"{_where()} is now what {used} holds.")


@app.command("backup")
def backup(
    to: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to; by default a new file.", show_default=False),
    ] = None,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Copy the database to a file while servers go on: SQLite's beside it, PostgreSQL's into this folder."""
    from orion.store import upkeep

    with waiting("Copying"):
        copy = upkeep.back_up(current().database_url, to)
    if as_json or output is Format.json:
        return show_json({"file": str(copy), "bytes": copy.stat().st_size})
    print(copy)


@app.command("check")
def check(as_json: Json = False, output: Output = Format.text) -> None:
    """Look for damage; exits 3 if there is any."""
    from orion.store import upkeep

    as_json = as_json or output is Format.json
    note(f"Checking {_where()}")
    with waiting("Checking"):
        faults = upkeep.check(current().database_url)
    if as_json:
        show_json({"database": _where(), "sound": not faults, "faults": faults})
    else:
        for fault in faults:
            fail(fault, 3)
    if faults:
        raise typer.Exit(3)
    if not as_json:
        print(f"{_where()} is sound.")


@app.command("stats")
def stats(as_json: Json = False, output: Output = Format.text) -> None:
    """Show how big the database is, and the rows of each table; servers may go on meanwhile."""
    from orion.cli import measuring

    measuring.stats(as_json or output is Format.json)


@app.command("vacuum")
def vacuum(
    full: Annotated[
        bool, typer.Option("--full", help="PostgreSQL: write the tables anew; nobody can use them meanwhile.")
    ] = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Give back the room that deleted rows took. A SQLite file is written anew; no server may have it open."""
    from orion.cli import measuring

    measuring.vacuum(full, as_json or output is Format.json)


@app.command("prune")
def prune(
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=0, help="Finished runs older than this go.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", min=0, help="The newest runs of each flow stay.")
    ] = None,
    log_days: Annotated[
        int | None, typer.Option("--log-days", metavar="N", min=0, help="Older logs go.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go and delete nothing.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Delete old finished runs and logs now; by default as ORION_RETENTION_... say, which the clock does by itself."""
    from orion.cli import pruning

    pruning.prune(
        {"RUN_DAYS": days, "RUN_COUNT": keep, "LOG_DAYS": log_days},
        dry_run,
        yes,
        as_json or output is Format.json,
    )
