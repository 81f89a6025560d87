"""What can be done to flow runs from the console: cancel, retry, delete; to one, to those ticked, to all that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams

from orion.errors import BadRequest, NotFound
from orion.model.filters import Filters, FlowRunFilter, IdCriterion, TimeCriterion
from orion.model.flow_runs import FlowRun
from orion.model.states import OrchestrationResult, StateCreate, StateDetails
from orion.model.times import from_micros, to_micros
from orion.orchestration import propose_flow_run
from orion.store import Lane, console, deleted, flow_runs
from orion.store.base import Conn
from orion.web import removal, said
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
    "undo": (restore, "Scheduled again:"),
}


async def bulk(call: Call) -> Reply:
    """Cancel, retry or delete the runs that are ticked, or all that match.

    Deleting asks once more, with names. Cancelling asks nothing: what it ended before it began can be undone, by the
    moment of the cancel.
    """
    see(call)
    verb, every = str(call.form.get("verb", "")), bool(call.form.get("all"))
    if verb not in VERBS:
        raise BadRequest(
            f"Runs can be cancelled, retried or deleted, and a cancel undone; {verb[:40]!r} is neither."
        )
    address = back(call, "runs")
    if verb == "undo":
        at = _moment(str(call.form.get("at", "")))
        return await _all(call, verb, await gather(call, _cancelled_at, address, call.now, at), address)
    ids = [str(each).lower() for each in call.form.getlist("run")][:MOST]
    if every:
        ids = await gather(call, _matching, address, call.now)
    if ids and verb == "delete" and not call.form.get("sure"):
        data = await gather(call, _lost, ids)
        data |= {"every": every, "back": address, "ids": [] if every else ids}
        return Reply(data, "flow_runs/confirm.html")
    return await _all(call, verb, ids, address)


async def _all(call: Call, verb: str, ids: list[str], address: str) -> Reply:
    """One write a run, so that nobody else waits; what was refused is counted by its reason."""
    work, done = VERBS[verb]
    lane = Lane.STATE if len(ids) <= PAGE else Lane.LOW
    answers = [await _one(call, work, id, lane) for id in ids]
    reasons = Counter(answer for answer in answers if answer)
    changed, unchanged = len(answers) - reasons.total(), reasons.total()
    words = f"{done} {plural(changed, 'run')}"
    words += "".join(f"; {plural(number, 'run')} not: {why}" for why, number in reasons.most_common(3))
    data: dict[str, Any] = {"changed": changed, "unchanged": unchanged, "reasons": dict(reasons)}
    undo = None
    if verb == "cancel" and changed and (again := len(await gather(call, _cancelled_at, address, call.now, call.now))):
        undo = said.Undo(to_micros(call.now), again)
        data["undo"] = {"at": str(undo.at), "number": again}
    return Reply(data, headers={"Set-Cookie": said.kept(words, undo)}, location=address)


async def _one(call: Call, work: Work, id: str, lane: Lane) -> str:
    if work is delete:
        await removal.shrunk(call.store, id)
    return await call.store.write(work, id, call.now, lane=lane)


def _matching(conn: Conn, address: str, now: datetime) -> list[str]:
    """The ids of all runs that the list at an address shows."""
    query = _query(address)
    return [run.id for run in _listed(conn, query, query.filters(*query.span(now)))]


def _cancelled_at(conn: Conn, address: str, now: datetime, at: datetime) -> list[str]:
    """The ids of the runs of a list that were cancelled at a moment, before they began: which a cancel can undo."""
    query = replace(_query(address), states=("cancelled",), by="")
    filters = query.filters(*query.span(now))
    assert filters.flow_runs is not None
    filters.flow_runs.start_time = TimeCriterion(is_null_=True)
    runs = _listed(conn, query, filters)
    return [run.id for run in runs if restorable(run) and run.state and run.state.timestamp == at]


def _query(address: str) -> run_query.RunQuery:
    return run_query.parse(QueryParams(parse_qsl(address.partition("?")[2])))


def _listed(conn: Conn, query: run_query.RunQuery, filters: Filters) -> Iterator[FlowRun]:
    """The runs that meet the filters, read page by page; at most as many as one form may change."""
    key = None
    for _ in range(MOST // PAGE):
        found, key = flow_runs.page(conn, filters, query.order, PAGE, key)
        yield from found
        if key is None:
            break


def _moment(text: str) -> datetime:
    if not text.isdecimal() or len(text) > 16:
        raise BadRequest("Say which cancel is to be undone: `at` is its moment in microseconds.")
    return from_micros(int(text))


def _lost(conn: Conn, ids: list[str]) -> dict[str, Any]:
    """What a deletion takes with it: names, and how many of them are under way."""
    named = ids[:PAGE]
    chosen = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=named)))
    runs = flow_runs.filter(conn, chosen, "NAME_ASC", PAGE, 0)
    tasks = flow_runs.count_task_runs(conn, named)
    flows = console.flow_names(conn, (run.flow_id for run in runs))
    return {
        "names": [
            {"name": run.name, "flow": flows.get(run.flow_id, "?"), "tasks": tasks[run.id]} for run in runs
        ],
        "number": len(runs) + len(ids) - len(named),
        "going": sum(1 for run in runs if _goes(run)),
    }


def _goes(run: FlowRun) -> bool:
    return run.state_type in ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
