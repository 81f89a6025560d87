"""Backfill: the runs that a schedule would have made in a range of the past, or one for each step of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from orion.errors import Invalid
from orion.model.deployments import Deployment, DeploymentFlowRunCreate, DueTime
from orion.model.states import StateCreate, StateDetails
from orion.model.times import to_micros
from orion.services import ranges
from orion.store import console
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import plural, viewer
from orion.web.handlers import deployments as api
from orion.web.pages import deployments, shown_parameters
from orion.web.pages.run_request import object_of
from orion.web.pages.schema import Plain
from orion.web.pages.shared import gather, see

MOST = 500
SHOWN = 60
TAG = "backfill"
STEPS = {"": 0, "hour": 3600, "6 hours": 21_600, "day": 86_400, "week": 604_800}


@dataclass
class Asked:
    """What is to be filled: a range, by the schedule or by steps, and which parameter says the time."""

    start: str
    end: str
    step: str
    into: str
    error: str = ""
    first: datetime | None = None
    last: datetime | None = None


async def show(call: Call) -> Reply:
    """Show which runs a backfill would make."""
    return await _form(call, _asked(call.query, call))


async def create(call: Call) -> Reply:
    """Make the runs that lack; one that is there already is not made twice."""
    asked = _asked(call.form, call)
    deployment = await gather(call, deployments.read, call.path["id"], call.now)
    if asked.error:
        return await _form(call, asked, 422)
    due = await gather(call, due_of, deployment, asked, call.now)
    if len(due) > MOST:
        return await _form(call, asked, 422)
    lacking = [each for each in due if not each.planned]
    if not lacking:
        asked.error = "There is nothing to make: every time of this range has a run already."
        return await _form(call, asked, 422)
    call.body = [_run(deployment, asked, each) for each in lacking]
    made = await api.create_runs(call)
    failed = [each["error"] for each in made.data["results"] if each["status"] == "FAILED"]
    if failed:
        asked.error = f"{plural(len(failed), 'run')} could not be made: {failed[0]}"
        return await _form(call, asked, 422)
    first = min(each.scheduled_time for each in lacking)
    query = urlencode({"deployment": deployment.id, "tag": TAG, "start-date": first.date().isoformat()})
    toast = {"toast": {"text": f"Made {plural(len(lacking), 'run')}"}, "runs": {}}
    return Reply(made.data, status=201, location=f"runs?{query}", trigger=toast)


async def _form(call: Call, asked: Asked, status: int = 200) -> Reply:
    data = await gather(call, _shown, call.path["id"], asked, call.now)
    return Reply({**data, "now": call.now}, "deployments/backfill.html#form", status=status)


def _asked(said: Any, call: Call) -> Asked:
    now = see(call)
    midnight = viewer.get().local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    start = str(said.get("start", "")) or (midnight - timedelta(days=7)).replace(tzinfo=None).isoformat()
    end = str(said.get("end", "")) or midnight.replace(tzinfo=None).isoformat()
    asked = Asked(start[:40], end[:40], str(said.get("step", "")), str(said.get("into", ""))[:200])
    try:
        asked.first, asked.last = _moment(asked.start), _moment(asked.end)
        asked.error = _fault(asked, call.now)
    except ValueError:
        asked.error = "Write a date and time for both ends."
    return asked


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=viewer.get().zone)


def _fault(asked: Asked, now: datetime) -> str:
    assert asked.first is not None and asked.last is not None
    if asked.first >= asked.last:
        return "The range ends before it begins."
    if asked.first > now:
        return "The range lies ahead: a schedule plans those runs by itself."
    return "" if asked.step in STEPS else "Choose one of the steps."


def due_of(conn: Conn, deployment: Deployment, asked: Asked, now: datetime) -> list[DueTime]:
    """The times of the range up to now, and which of them have a run."""
    assert asked.first is not None and asked.last is not None
    last = min(asked.last, now)
    step = STEPS[asked.step]
    if step:
        number = min(int((last - asked.first).total_seconds() // step) + 1, MOST + 1)
        moments = [asked.first + timedelta(seconds=step * at) for at in range(number)]
        keys = {moment: _key(deployment, "", moment) for moment in moments}
        known = console.known_keys(conn, deployment.flow_id, list(keys.values()))
        return [
            DueTime(schedule_id="", scheduled_time=moment, planned=key in known)
            for moment, key in keys.items()
        ]
    return ranges.preview(conn, deployment.id, asked.first, last, now, max_runs=MOST + 1)


def _key(deployment: Deployment, schedule_id: str, moment: datetime) -> str:
    """The key of the run of a time: a schedule's is the planner's own, so neither makes it twice."""
    return f"{f'scheduled {schedule_id}' if schedule_id else f'backfill {deployment.id}'} {to_micros(moment)}"


def _run(deployment: Deployment, asked: Asked, due: DueTime) -> DeploymentFlowRunCreate:
    moment = due.scheduled_time
    own = {each.id: each.parameters for each in deployment.schedules}.get(due.schedule_id)
    said = object_of(own) if own is not None else {}
    if asked.into:
        said[asked.into] = _written(deployment, asked.into, moment)
    return DeploymentFlowRunCreate(
        state=StateCreate(type="SCHEDULED", state_details=StateDetails(scheduled_time=moment)),
        parameters=msgspec.Raw(msgspec.json.encode(said)),
        tags=[TAG],
        idempotency_key=_key(deployment, due.schedule_id, moment),
    )


def _written(deployment: Deployment, name: str, moment: datetime) -> str:
    """The moment as the parameter wants it: a date, or date and time, in the viewer's zone."""
    local = viewer.get().local(moment)
    wanted = time_parameters(deployment).get(name)
    if wanted is None:
        raise Invalid(f"{name!r} is no parameter that takes a date.")
    return local.date().isoformat() if wanted == "date" else local.isoformat()


def time_parameters(deployment: Deployment) -> dict[str, str]:
    """The parameters that take a date or a moment, with their format."""
    plain = Plain(object_of(deployment.parameter_openapi_schema))
    own = plain.properties(plain.of(plain.document))
    return {
        name: str(each["format"]) for name, each in own.items() if each.get("format") in ("date", "date-time")
    }


def _shown(conn: Conn, id: str, asked: Asked, now: datetime) -> dict[str, Any]:
    deployment = deployments.read(conn, id, now)
    due: list[DueTime] = []
    if not asked.error or asked.error.startswith("There is nothing"):
        due = due_of(conn, deployment, asked, now)
    if len(due) > MOST and not asked.error:
        asked.error = f"That would be more than {MOST} runs at once: take a shorter range."
    lacking = [each for each in due if not each.planned]
    return {
        "deployment": shown_parameters.of_deployment(deployment),
        "flow_name": console.flow_names(conn, [deployment.flow_id]).get(deployment.flow_id, "?"),
        "asked": asked,
        "steps": list(STEPS),
        "parameters": list(time_parameters(deployment)),
        "times": due[:SHOWN],
        "more": max(len(due) - SHOWN, 0),
        "lacking": len(lacking),
        "there": len(due) - len(lacking),
        "limit": deployment.concurrency_limit,
        "scheduled": bool(deployment.schedules),
    }
