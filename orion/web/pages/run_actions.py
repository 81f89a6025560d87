"""What can be done to flow runs from the console: cancel, retry, delete; to one, or to all that are ticked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from orion.errors import BadRequest, OrionError
from orion.model.filters import Filters, FlowRunFilter, IdCriterion
from orion.model.states import StateCreate
from orion.orchestration import propose_flow_run
from orion.store import flow_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.pages.shared import gather, see

MOST = 1000
Work = Callable[[Conn, str, datetime], bool]


def cancel(conn: Conn, id: str, now: datetime) -> bool:
    """Ask for the end of a run: at once while it waits, by its agent while it runs. Whether it is granted."""
    run = flow_runs.get(conn, id)
    if run is None:
        return False
    waits = run.state_type in ("SCHEDULED", "PAUSED", None)
    state = StateCreate(type="CANCELLED" if waits else "CANCELLING", message="Cancelled from the console.")
    return propose_flow_run(conn, id, state, now).result.status == "ACCEPT"


def retry(conn: Conn, id: str, now: datetime) -> bool:
    """Ask for another attempt of an ended run, now. Whether it is granted."""
    state = StateCreate(type="SCHEDULED", name="AwaitingRetry", message="Retried from the console.")
    return propose_flow_run(conn, id, state, now).result.status == "ACCEPT"


def delete(conn: Conn, id: str, now: datetime) -> bool:
    """Delete a run with its tasks and logs; False when it is gone already."""
    try:
        flow_runs.delete(conn, id)
    except OrionError:
        return False
    return True


VERBS: dict[str, tuple[Work, str, str]] = {
    "cancel": (cancel, "Cancelled", "had ended already"),
    "retry": (retry, "Retried", "cannot be retried: they have not ended, or have no deployment"),
    "delete": (delete, "Deleted", "were gone already"),
}


async def bulk(call: Call) -> Reply:
    """Cancel, retry or delete the runs that are ticked. Deleting asks once more, with the number and the names."""
    see(call)
    verb, ids = str(call.form.get("verb", "")), [str(each).lower() for each in call.form.getlist("id")][:MOST]
    if verb not in VERBS:
        raise BadRequest(f"Runs can be cancelled, retried or deleted; {verb[:40]!r} is none of these.")
    back = _inside(str(call.form.get("back", "")))
    if verb == "delete" and ids and not call.form.get("sure"):
        names = await gather(call, _names, ids)
        return Reply({"ids": ids, "names": names, "back": back}, "flow_runs/confirm.html")
    return await _all(call, verb, ids, back)


async def _all(call: Call, verb: str, ids: list[str], back: str) -> Reply:
    work, done, refused = VERBS[verb]
    answers = [await call.store.write(work, id, call.now) for id in ids]
    changed, unchanged = sum(answers), len(answers) - sum(answers)
    words = f"{done} {plural(changed, 'run')}" + (f"; {unchanged} {refused}" if unchanged else "")
    said = {"Set-Cookie": f"said={quote(words)}; Max-Age=5; Path=/; SameSite=Lax"}
    return Reply({"changed": changed, "unchanged": unchanged}, headers=said, location=back)


def _names(conn: Conn, ids: list[str]) -> list[str]:
    chosen = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=ids)))
    return [run.name for run in flow_runs.filter(conn, chosen, "NAME_ASC", 200, 0)]


def _inside(address: str) -> str:
    """Where the form was sent from, if that is the list of runs with its filters."""
    return address if address == "runs" or address.startswith("runs?") else "runs"
