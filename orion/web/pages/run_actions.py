"""What can be done to flow runs from the console: cancel, retry, delete; to one, to those ticked, to all that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams

from orion.errors import BadRequest, NotFound
from orion.model.filters import Filters, FlowRunFilter, IdCriterion
from orion.model.flow_runs import FlowRun
from orion.model.states import OrchestrationResult, StateCreate, StateDetails, is_final
from orion.orchestration import propose_flow_run
from orion.store import Lane, console, deleted, flow_runs
from orion.store.base import Conn
from orion.web import said
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.pages import run_query
from orion.web.pages.shared import back, gather, see

MOST, PAGE = 10_000, 200
GONE = "it is gone already"
Work = Callable[[Conn, str, datetime], str]


def cancel(conn: Conn, id: str, now: datetime) -> str:
    """Ask for the end of a run: at once while it waits, by its agent while it runs. Why not, or nothing."""
    run = flow_runs.get(conn, id)
    if run is None:
        return GONE
    if run.state is not None and run.state.is_final:
        return "it had ended already"
    waits = run.state_type in ("SCHEDULED", "PAUSED", None)
    state = StateCreate(type="CANCELLED" if waits else "CANCELLING", message="Cancelled from the console.")
    return _refusal(propose_flow_run(conn, id, state, now).result)


def retry(conn: Conn, id: str, now: datetime) -> str:
    """Ask for another attempt of an ended run, now. Why not, or nothing."""
    run = flow_runs.get(conn, id)
    if run is None:
        return GONE
    if run.state is None or not run.state.is_final:
        return "it has not ended"
    if run.deployment_id is None:
        return "it has no deployment, so that no agent can run it"
    state = StateCreate(type="SCHEDULED", name="AwaitingRetry", message="Retried from the console.")
    return _refusal(propose_flow_run(conn, id, state, now).result)


def restore(conn: Conn, id: str, now: datetime) -> str:
    """Let a cancelled run that had not begun wait for its time again. Why not, or nothing."""
    run = flow_runs.get(conn, id)
    if run is None:
        return GONE
    if not restorable(run):
        return "only the cancelling of a run that had not begun can be undone"
    due = StateDetails(scheduled_time=run.expected_start_time or now)
    state = StateCreate(type="SCHEDULED", message="Cancelling undone from the console.", state_details=due)
    return _refusal(propose_flow_run(conn, id, state, now, force=True).result)


def restorable(run: FlowRun) -> bool:
    """Whether nothing is lost but a plan."""
    return run.state_type == "CANCELLED" and run.start_time is None


def delete(conn: Conn, id: str, now: datetime) -> str:
    """Delete a run with its tasks and logs. Why not, or nothing."""
    deleted.note(conn, "flow_run", id, now)
    try:
        flow_runs.delete(conn, id)
    except NotFound:
        return GONE
    return ""


def _refusal(result: OrchestrationResult) -> str:
    if result.status == "ACCEPT":
        return ""
    return str(result.details.reason or "the server refused it").rstrip(".")


VERBS: dict[str, tuple[Work, str]] = {
    "cancel": (cancel, "Cancelled"),
    "retry": (retry, "Retried"),
    "delete": (delete, "Deleted"),
}


async def bulk(call: Call) -> Reply:
    """Cancel, retry or delete the runs that are ticked, or all that match.

    Deleting and cancelling ask once more, with names; cancelling only where something has not ended yet.
    """
    see(call)
    verb, every = str(call.form.get("verb", "")), bool(call.form.get("all"))
    if verb not in VERBS:
        raise BadRequest(f"Runs can be cancelled, retried or deleted; {verb[:40]!r} is none of these.")
    address = back(call, "runs")
    ids = [str(each).lower() for each in call.form.getlist("id")][:MOST]
    if every:
        ids = await gather(call, _matching, address, call.now)
    if ids and verb != "retry" and not call.form.get("sure"):
        data = await gather(call, _lost, ids, verb)
        if data["number"]:
            data |= {"verb": verb, "every": every, "back": address, "ids": [] if every else ids}
            return Reply(data, "flow_runs/confirm.html")
    return await _all(call, verb, ids, address)


async def _all(call: Call, verb: str, ids: list[str], address: str) -> Reply:
    """One write a run, so that nobody else waits; what was refused is counted by its reason."""
    work, done = VERBS[verb]
    lane = Lane.STATE if len(ids) <= PAGE else Lane.LOW
    answers = [await call.store.write(work, id, call.now, lane=lane) for id in ids]
    reasons = Counter(answer for answer in answers if answer)
    changed, unchanged = len(answers) - reasons.total(), reasons.total()
    words = f"{done} {plural(changed, 'run')}"
    words += "".join(f"; {plural(number, 'run')} not: {why}" for why, number in reasons.most_common(3))
    data = {"changed": changed, "unchanged": unchanged, "reasons": dict(reasons)}
    return Reply(data, headers={"Set-Cookie": said.kept(words)}, location=address)


def _matching(conn: Conn, address: str, now: datetime) -> list[str]:
    """The ids of all runs that the list at an address shows, page by page; at most as many as one form may change."""
    query = run_query.parse(QueryParams(parse_qsl(address.partition("?")[2])))
    filters, ids, key = query.filters(*query.span(now)), list[str](), None
    while len(ids) < MOST:
        found, key = flow_runs.page(conn, filters, query.order, PAGE, key)
        ids += [run.id for run in found]
        if key is None:
            break
    return ids


def _lost(conn: Conn, ids: list[str], verb: str) -> dict[str, Any]:
    """What a deletion takes with it, or a cancel ends: names, and how many of them are under way."""
    named = ids[:PAGE]
    chosen = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=named)))
    found = flow_runs.filter(conn, chosen, "NAME_ASC", PAGE, 0)
    runs = [run for run in found if verb == "delete" or not is_final(run.state_type)]
    tasks = flow_runs.count_task_runs(conn, named)
    flows = console.flow_names(conn, (run.flow_id for run in runs))
    return {
        "names": [
            {"name": run.name, "flow": flows.get(run.flow_id, "?"), "tasks": tasks[run.id]} for run in runs
        ],
        "number": len(runs) + len(ids) - len(named),
        "ended": len(found) - len(runs),
        "going": sum(1 for run in runs if _goes(run)),
    }


def _goes(run: FlowRun) -> bool:
    return run.state_type in ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
