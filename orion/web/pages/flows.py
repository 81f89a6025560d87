"""Flows: the list with recent activity, and the page of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orion.model.filters import (
    DeploymentFilter,
    Filters,
    FlowFilter,
    FlowRunFilter,
    IdCriterion,
    NameCriterion,
    TagsCriterion,
    TimeCriterion,
)
from orion.model.flows import Flow
from orion.store import console, deployments, flow_runs, flows
from orion.store.base import Conn
from orion.store.console import Past
from orion.web.call import Call, Reply
from orion.web.charts.bars import Bar
from orion.web.display import duration
from orion.web.pages.run_rows import by_day, rows_of
from orion.web.pages.shared import (
    PAGE,
    address,
    api_url,
    as_bars,
    as_dot,
    found,
    gather,
    here,
    schedule_words,
    see,
    stretch,
)

RECENT = timedelta(days=30)
DOTS = 75  # runs whose durations are drawn over time


FEW = 10  # of fewer runs the number says more than a share


@dataclass(frozen=True)
class Success:
    """How many of the runs that ended completed; cancelled ones do not count."""

    good: int
    ended: int

    @property
    def bad(self) -> bool:
        return self.good < 0.9 * self.ended

    @property
    def words(self) -> str:
        if self.ended < FEW:
            return f"{self.good} of {self.ended} completed"
        return f"{round(100 * self.good / self.ended)}% of the last {self.ended} completed"


@dataclass(frozen=True)
class FlowRow:
    """A flow with what happened to it lately."""

    flow: Flow
    bars: list[Bar]
    deployments: int
    last: datetime | None
    note: str
    success: Success | None


async def listing(call: Call) -> Reply:
    """List flows by name."""
    now = see(call)
    data = await gather(call, _list, call.query.get("q", "")[:200], call.query.get("tag", "")[:200],
                                 call.query.get("after"), now)  # fmt: skip
    return Reply({**data, "now": now, "here": here(call), "api_url": api_url(call)}, "flows/list.html#page")


async def show(call: Call) -> Reply:
    """Show a flow: its deployments and its runs of the last 30 days."""
    now = see(call)
    data = await gather(call, _one, call.path["id"], now)
    return Reply({**data, "now": now, "here": here(call)}, "flows/show.html#page")


def _list(conn: Conn, q: str, tag: str, after: str | None, now: datetime) -> dict[str, Any]:
    wanted = FlowFilter(
        name=NameCriterion(like_=q) if q else None,
        tags=TagsCriterion(all_=[tag]) if tag else None,
    )
    filters = Filters(flows=wanted) if q or tag else None
    page, key = flows.page(conn, filters, "NAME_ASC", PAGE, after)
    ids = [flow.id for flow in page]
    counts, past = flows.count_deployments(conn, ids), console.last_of_flows(conn, ids, 30, now)
    return {
        "rows": [_row(flow, counts[flow.id], past[flow.id]) for flow in page],
        "q": q,
        "tag": tag,
        "tag_options": [("", "All tags"), *((each, each) for each in console.tag_options(conn))],
        "chips": ([(f"name: {q}", address("flows", tag=tag))] if q else [])
        + ([(f"tag: {tag}", address("flows", q=q))] if tag else []),
        "shown": stretch(0, len(page), flows.count(conn, filters), "flow")
        if not after
        else f"{len(page)} more flows",
        "newer": address("flows", q=q, tag=tag) if after else None,
        "older": address("flows", q=q, tag=tag, after=key) if key else None,
    }


def _row(flow: Flow, number: int, past: list[Past]) -> FlowRow:
    usual = console.usual(past)
    note = f"usual {duration(usual)}" if usual else "no usual time yet" if past else "never run"
    last = past[-1].expected if past else None
    return FlowRow(flow, as_bars(past[-10:]), number, last, note, success(past))


def success(past: list[Past]) -> Success | None:
    """How the runs of the past ended, if any has."""
    ended = [run for run in past if run.state_type in ("COMPLETED", "FAILED", "CRASHED")]
    good = sum(run.state_type == "COMPLETED" for run in ended)
    return Success(good, len(ended)) if ended else None


def _one(conn: Conn, id: str, now: datetime) -> dict[str, Any]:
    flow: Flow = found(flows.get(conn, id), "flow")
    own = IdCriterion(any_=[id])
    recent = FlowRunFilter(expected_start_time=TimeCriterion(after_=now - RECENT, before_=now))
    runs = flow_runs.filter(
        conn, Filters(flows=FlowFilter(id=own), flow_runs=recent), "EXPECTED_START_TIME_DESC", 20, 0, now=now
    )
    past = console.last_of_flow(conn, id, DOTS, now)
    below = deployments.filter(
        conn, Filters(flows=FlowFilter(id=own), deployments=DeploymentFilter()), "NAME_ASC", 100
    )
    return {
        "flow": flow,
        "groups": by_day(rows_of(conn, runs, now)),
        "bars": as_bars(past[-30:], linked=True),
        "dots": [as_dot(run) for run in past if run.start_time],
        "usual": console.usual(past[-50:]),
        "success": success(past[-30:]),
        "lost": {
            "runs": flow_runs.count_upto(conn, Filters(flows=FlowFilter(id=own)), 10_000),
            "deployments": flows.count_deployments(conn, [id])[id],
        },
        "deployments": [
            {"id": each.id, "name": each.name, "paused": each.paused, "schedule_words": schedule_words(each)}
            for each in below
        ],
    }
