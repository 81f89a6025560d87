"""Deployments: the list with schedules and switches, and the page of one with its run form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from orion.model import schedules
from orion.model.deployments import Deployment, DeploymentSchedule
from orion.model.filters import (
    DeploymentFilter,
    DeploymentSort,
    EqualsCriterion,
    Filters,
    FlowRunFilter,
    NameCriterion,
    NullableIdCriterion,
    StateCriterion,
    StateTypeCriterion,
    TagsCriterion,
    TextCriterion,
    TimeCriterion,
)
from orion.model.flow_runs import FlowRun
from orion.model.schedule_words import in_words
from orion.store import console, deployments, flow_runs, scheduling
from orion.store.base import Conn
from orion.store.console import Past
from orion.store.work_queues import Serving
from orion.web.call import Call, Reply
from orion.web.charts.bars import Bar
from orion.web.charts.calendar import WEEKS, worst
from orion.web.display import duration, look, viewer
from orion.web.handlers import deployments as api
from orion.web.pages import schedule_form, shown_parameters
from orion.web.pages.run_rows import by_day, rows_of
from orion.web.pages.shared import (
    PAGE,
    address,
    api_url,
    as_bars,
    found,
    gather,
    here,
    schedule_words,
    see,
    stretch,
)

SORTS: dict[str, DeploymentSort] = {"": "NAME_ASC", "newest": "CREATED_DESC", "updated": "UPDATED_DESC"}


@dataclass(frozen=True)
class DeploymentQuery:
    """What the list is narrowed to."""

    q: str = ""
    tag: str = ""
    queue: str = ""
    schedule: str = ""
    sort: str = ""
    after: str = ""

    def filters(self) -> Filters | None:
        """The API's filters that this query means."""
        wanted = DeploymentFilter(
            flow_or_deployment_name=NameCriterion(like_=self.q) if self.q else None,
            tags=TagsCriterion(all_=[self.tag]) if self.tag else None,
            work_queue_name=TextCriterion(any_=[self.queue]) if self.queue else None,
            paused=EqualsCriterion(eq_=self.schedule == "off") if self.schedule in ("on", "off") else None,
        )
        return None if wanted == DeploymentFilter() else Filters(deployments=wanted)

    def href(self, **changes: str) -> str:
        """The address of the list with something changed."""
        return address("deployments", **{**self.__dict__, "after": "", **changes})


@dataclass(frozen=True)
class DeploymentRow:
    """A deployment with its last and next runs."""

    deployment: Deployment
    flow_name: str
    schedule_words: str
    warning: str
    look: str
    bars: list[Bar]
    next: datetime | None


async def listing(call: Call) -> Reply:
    """List deployments."""
    now, get = see(call), call.query.get
    names = ("q", "tag", "queue", "schedule", "sort", "after")
    data = await gather(call, _list, DeploymentQuery(*(get(name, "").strip()[:500] for name in names)), now)
    return Reply(
        {**data, "now": now, "here": here(call), "api_url": api_url(call)}, "deployments/list.html#page"
    )


async def pause(call: Call) -> Reply:
    """Switch the schedules of a deployment off."""
    await api.pause(call)
    return _switched(call, "Schedule off: no more runs are planned")


async def resume(call: Call) -> Reply:
    """Switch the schedules of a deployment on."""
    await api.resume(call)
    return _switched(call, "Schedule on")


def _switched(call: Call, words: str) -> Reply:
    return Reply(
        None, trigger={"toast": {"text": words}, "deployments": {}}, location=f"deployments/{call.path['id']}"
    )


def _list(conn: Conn, query: DeploymentQuery, now: datetime) -> dict[str, Any]:
    filters, sort = query.filters(), SORTS.get(query.sort, "NAME_ASC")
    page, key = deployments.page(conn, filters, sort, PAGE, query.after or None, now=now)
    return {
        "query": query,
        "rows": _rows(conn, page, now),
        "tag_options": [("", "All tags"), *((tag, tag) for tag in console.tag_options(conn))],
        "queue_options": [("", "All queues"), *((name, name) for name in console.queue_names(conn))],
        "chips": _chips(query),
        "shown": _shown(conn, query, filters, len(page)),
        "newer": query.href() if query.after else None,
        "older": query.href(after=key) if key else None,
    }


def _shown(conn: Conn, query: DeploymentQuery, filters: Filters | None, number: int) -> str:
    return (
        f"{number} more"
        if query.after
        else stretch(0, number, deployments.count(conn, filters), "deployment")
    )


def _chips(query: DeploymentQuery) -> list[tuple[str, str]]:
    named = (("name", "q"), ("tag", "tag"), ("queue", "queue"), ("schedule", "schedule"))
    said = ((word, key, getattr(query, key)) for word, key in named)
    return [(f"{word}: {value}", query.href(**{key: ""})) for word, key, value in said if value]


def _rows(conn: Conn, page: list[Deployment], now: datetime) -> list[DeploymentRow]:
    ids = [each.id for each in page]
    names = console.flow_names(conn, (each.flow_id for each in page))
    past, following = (
        console.last_of_deployments(conn, ids, 10, now),
        console.next_of_deployments(conn, ids, now),
    )
    serving = Serving(conn, now)
    serving.expect(each.work_queue_name for each in page if past[each.id] and _look(past[each.id]) == "late")
    return [
        _row(serving, each, names.get(each.flow_id, "?"), past[each.id], following.get(each.id))
        for each in page
    ]


def _row(
    serving: Serving, deployment: Deployment, flow_name: str, past: list[Past], following: datetime | None
) -> DeploymentRow:
    seen = _look(past) if past else "paused" if deployment.paused else "scheduled"
    warning = (
        f"last run {seen}"
        if seen in ("failed", "crashed")
        else f"late: {unserved(serving, deployment)}"
        if seen == "late"
        else ""
    )
    return DeploymentRow(
        deployment=shown_parameters.of_deployment(deployment),
        flow_name=flow_name,
        schedule_words=schedule_words(deployment),
        warning=warning,
        look=seen,
        bars=as_bars(past),
        next=following,
    )


def _look(past: list[Past]) -> str:
    return look(past[-1].state_type, past[-1].state_name)


def unserved(serving: Serving, deployment: Deployment) -> str:
    """Why nothing would take the deployment's runs now; empty when something would."""
    queues = serving.run(deployment.work_queue_name, deployment.id, set(deployment.tags))
    if not queues:
        return "no work queue would pick up its runs"
    if all(queue.is_paused for queue in queues):
        return f"the queue {queues[0].name} is paused"
    if not any(queue.status == "READY" for queue in queues):
        return f"no agent polls {queues[0].name}"
    return ""


# --- One deployment ---------------------------------------------------------------------------------------------------


def overview(conn: Conn, deployment: Deployment, now: datetime) -> dict[str, Any]:
    """What the page of a deployment shows beside its run form."""
    past = console.last_of_deployment(conn, deployment.id, 50, now)
    today = viewer.get().local(now).date()
    why = unserved(Serving(conn, now), deployment)
    return {
        "deployment": shown_parameters.of_deployment(deployment),
        "flow_name": console.flow_names(conn, [deployment.flow_id]).get(deployment.flow_id, "?"),
        "polled": not why,
        "warning": f"Runs would wait: {why}." if why else "",
        "groups": by_day(rows_of(conn, _recent(conn, deployment.id, now), now)),
        "schedules": [_schedule(each) for each in deployment.schedules],
        "upcoming": _next(conn, deployment, now),
        "skips": scheduling.skips(conn, deployment.id, 3),
        "bars": as_bars(past[-30:], linked=True),
        "usual": console.usual(past),
        "ok": _ok([look(run.state_type, run.state_name) for run in past[-30:]]),
        "days": _days(conn, deployment.id, now),
        "today": today,
    }


def read(conn: Conn, id: str, now: datetime) -> Deployment:
    """The deployment of a page; NotFound when there is none."""
    deployment: Deployment = found(deployments.get(conn, id, now), "deployment")
    return deployment


def _of(id: str, **criteria: Any) -> Filters:
    return Filters(flow_runs=FlowRunFilter(deployment_id=NullableIdCriterion(any_=[id]), **criteria))


def _recent(conn: Conn, id: str, now: datetime) -> list[FlowRun]:
    chosen = _of(id, expected_start_time=TimeCriterion(before_=now))
    return flow_runs.filter(conn, chosen, "EXPECTED_START_TIME_DESC", 15, 0, now=now)


def _upcoming(conn: Conn, id: str, now: datetime) -> list[FlowRun]:
    planned = StateCriterion(type=StateTypeCriterion(any_=["SCHEDULED"]))
    chosen = _of(id, state=planned, expected_start_time=TimeCriterion(after_=now))
    return flow_runs.filter(conn, chosen, "EXPECTED_START_TIME_ASC", schedule_form.TIMES, 0, now=now)


def _next(conn: Conn, deployment: Deployment, now: datetime) -> list[dict[str, Any]]:
    """The next ten times, each with the run that is planned for it, if one is."""
    planned = {run.expected_start_time: run.id for run in _upcoming(conn, deployment.id, now)}
    due = [] if deployment.paused else schedule_form.upcoming(deployment, now)
    moments = sorted({*(each for each in planned if each is not None), *due})[: schedule_form.TIMES]
    return [{"time": moment, "run": planned.get(moment)} for moment in moments]


def _schedule(stored: DeploymentSchedule) -> dict[str, Any]:
    schedule = schedules.from_dict(msgspec.json.decode(stored.schedule))
    kinds = {
        schedules.IntervalSchedule: ("Interval", lambda: duration(schedule.interval)),  # type: ignore[union-attr]
        schedules.CronSchedule: ("Cron", lambda: schedule.cron),  # type: ignore[union-attr]
        schedules.RRuleSchedule: ("Rule", lambda: schedule.rrule),  # type: ignore[union-attr]
    }
    kind, rule = kinds[type(schedule)]
    return {
        "kind": kind,
        "rule": rule(),
        "words": in_words(schedule),
        "zone": schedule.timezone or "UTC",
        "active": stored.active,
        "id": stored.id,
    }


def _ok(looks: list[str]) -> str:
    ended = [each for each in looks if each in ("completed", "failed", "crashed")]
    return f"{round(100 * ended.count('completed') / len(ended))}% ok" if ended else ""


def _days(conn: Conn, id: str, now: datetime) -> dict[Any, str]:
    local = viewer.get().local
    first = datetime.combine(local(now).date() - timedelta(weeks=WEEKS), time.min, viewer.get().zone)
    looks: dict[Any, set[str]] = {}
    for moment, kind, name in console.days_of_deployment(conn, id, first, now):
        looks.setdefault(local(moment).date(), set()).add(look(kind, name))
    return {day: seen for day, several in looks.items() if (seen := worst(several))}
