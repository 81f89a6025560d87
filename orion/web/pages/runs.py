"""The runs list: state counts, history, and runs by day with what comes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orion.model.filters import (
    Filters,
    FlowRunFilter,
    HistoryQuery,
    NameCriterion,
    StateCriterion,
    StateTypeCriterion,
)
from orion.model.flow_runs import FlowRun
from orion.model.states import HistoryBucket
from orion.store import console, flow_runs
from orion.store import history as histories
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.charting import RunHistory
from orion.web.charts.history import Bucket
from orion.web.display import look, plural, viewer
from orion.web.pages import run_query
from orion.web.pages.run_query import BUCKETS, CLOCKS, RANGE_NAMES, SORTS, RunQuery
from orion.web.pages.run_rows import Group, by_day, one_group, rows_of
from orion.web.pages.shared import PAGE, api_url, gather, here, see, stretch
from orion.web.templating import root

STRIP = ("failed", "crashed", "late", "running", "pending", "scheduled", "cancelled", "completed")
UPCOMING, MOST_LATE = 3, 10


@dataclass(frozen=True)
class Tile:
    """One number of the state strip; it leads to its runs."""

    look: str
    count: int
    href: str
    chosen: bool


async def runs(call: Call) -> Reply:
    """List flow runs: with filters, as history, page by page."""
    now, query = see(call), run_query.parse(call.query)
    data = await gather(call, _data, query, now)
    address = run_query.address(query)
    data |= {"now": now, "here": address, "api_url": api_url(call)}
    unclean = here(call) != address and not query.after
    return Reply(data, "flow_runs/list.html#page", push_url=root(call.request) + address if unclean else None)


def _data(conn: Conn, query: RunQuery, now: datetime) -> dict[str, Any]:
    start, end = query.span(now)
    width = timedelta(seconds=BUCKETS[query.range])
    buckets = _history(conn, query, start, min(end, now + (now - start) / 8), width, now)
    counts = _counts(conn, query, start, end, now)
    total = sum(n for name, n in counts.items() if not query.looks or name in query.looks)
    groups, key, number = _groups(conn, query, start, end, counts.get("scheduled", 0), now)
    return {
        "query": query,
        "range": query.range if not query.start else "",
        "ranges": [(key, name, query.href(range=key, start="", end="")) for key, name in RANGE_NAMES.items()],
        "strip": [_tile(name, counts.get(name, 0), query) for name in STRIP],
        "history": RunHistory(buckets, width.total_seconds(), now, CLOCKS[query.range], _label(query, width)),
        "options": _options(conn),
        "chips": _chips(conn, query),
        "shown": stretch(query.at, number, total, "runs") if query.at else f"{number:,} of {total:,} runs",
        "groups": groups,
        "newer": query.href() if query.after else None,
        "older": query.href(after=key, at=query.at + number) if key else None,
        "any_runs": bool(groups) or flow_runs.count(conn) > 0,
    }


def _groups(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, planned: int, now: datetime
) -> tuple[list[Group], str | None, int]:
    """The first page begins with what is late and what comes next; the rest is what was, newest first."""
    split = not query.looks and not query.sort and not query.q
    filters = query.filters(start, min(end, now) if split else end)
    if split:
        filters = _with_state(filters, StateCriterion(name=NameCriterion(not_any_=["Late"])))
    found, key = flow_runs.page(conn, filters, SORTS[query.sort][0], PAGE, query.after or None, now=now)
    ahead: list[Group] = []
    number = len(found)
    if split and not query.after:
        late, coming = _ahead(conn, query, start, end, now)
        rows = rows_of(conn, [*late, *coming], now)
        number += len(rows)
        ahead = one_group("Upcoming", rows, f"{len(late)} late, next {len(coming)} of {planned:,}")
    return ahead + by_day(rows_of(conn, found, now)), key, number


def _ahead(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, now: datetime
) -> tuple[list[FlowRun], list[FlowRun]]:
    late = _with_state(query.filters(start, end), StateCriterion(name=NameCriterion(any_=["Late"])))
    coming = _with_state(query.filters(now, end), StateCriterion(type=StateTypeCriterion(any_=["SCHEDULED"])))
    sort = "EXPECTED_START_TIME_ASC"
    return (
        flow_runs.filter(conn, late, sort, MOST_LATE, 0, now=now),
        [
            run
            for run in flow_runs.filter(conn, coming, sort, UPCOMING, 0, now=now)
            if run.state_name != "Late"
        ],
    )


def _with_state(filters: Filters, state: StateCriterion) -> Filters:
    assert filters.flow_runs is not None
    filters.flow_runs.state = state
    return filters


def _asked(filters: Filters, start: datetime, end: datetime, seconds: float) -> HistoryQuery:
    return HistoryQuery(
        flows=filters.flows,
        flow_runs=None if filters.flow_runs == FlowRunFilter() else filters.flow_runs,
        deployments=filters.deployments,
        history_start=start,
        history_end=end,
        history_interval_seconds=seconds,
    )


def _history(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, width: timedelta, now: datetime
) -> list[Bucket]:
    """Counts by bucket; the edges lie on round times of the viewer's clock."""
    first = _floor(start, width)
    seconds = width.total_seconds()
    asked = _asked(query.filters(), first, end, seconds)
    return [_bucket(each, query) for each in histories.flow_runs(conn, asked, first, end, seconds, now)]


def _floor(time: datetime, width: timedelta) -> datetime:
    local = viewer.get().local(time)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (local - midnight) // width * width


def _bucket(bucket: HistoryBucket, query: RunQuery) -> Bucket:
    counts: dict[str, int] = {}
    for state in bucket.states:
        seen = look(state.state_type, state.state_name)
        counts[seen] = counts.get(seen, 0) + state.count_runs
    start, end = bucket.interval_start, bucket.interval_end
    href = query.href(start=start.isoformat(), end=(end - timedelta(days=1)).isoformat())
    return Bucket(start, counts, href)


def _counts(conn: Conn, query: RunQuery, start: datetime, end: datetime, now: datetime) -> dict[str, int]:
    """How many runs of each look there are, whatever state is chosen."""
    seconds = max((end - start).total_seconds(), 1.0)
    asked = _asked(query.filters(states=False), start, end, seconds)
    counts: dict[str, int] = {}
    for bucket in histories.flow_runs(conn, asked, start, end, seconds, now):
        for state in bucket.states:
            seen = look(state.state_type, state.state_name)
            counts[seen] = counts.get(seen, 0) + state.count_runs
    return counts


def _tile(name: str, count: int, query: RunQuery) -> Tile:
    chosen = query.looks == (name,)
    return Tile(name, count, query.href(states=() if chosen else (name,)), chosen)


def _label(query: RunQuery, width: timedelta) -> str:
    minutes = plural(round(width.total_seconds() / 60), "minute")
    return f"Runs by state, each bar {minutes}, last {RANGE_NAMES[query.range]} and ahead"


def _options(conn: Conn) -> dict[str, list[tuple[str, str]]]:
    """What the selects offer; the first of each means no filter."""
    return {
        "states": [("", "All states"), *((name, name.capitalize()) for name in STRIP), ("paused", "Paused")],
        "flows": [("", "All flows"), *console.flow_options(conn)],
        "deployments": [("", "All deployments"), *console.deployment_options(conn)],
        "tags": [("", "All tags"), *((tag, tag) for tag in console.tag_options(conn))],
        "sorts": [(key, name) for key, (_, name) in SORTS.items()],
    }


def _chips(conn: Conn, query: RunQuery) -> list[tuple[str, str]]:
    """Every filter in force as (words, address without it)."""
    flows = console.flow_names(conn, query.flows)
    deployments = console.deployment_names(conn, query.deployments)
    chips = [(f"name: {query.q}", query.href(q=""))] if query.q else []
    chips += [(f"state: {each.lower()}", query.without("states", each)) for each in query.states]
    chips += [(f"flow: {flows.get(each, 'deleted')}", query.without("flows", each)) for each in query.flows]
    chips += [
        (f"deployment: {deployments.get(each, 'deleted')}", query.without("deployments", each))
        for each in query.deployments
    ]
    chips += [(f"queue: {each}", query.without("queues", each)) for each in query.queues]
    chips += [(f"tag: {each}", query.without("tags", each)) for each in query.tags]
    if query.start or query.end:
        chips.append((_times(query), query.href(start="", end="")))
    return chips


def _times(query: RunQuery) -> str:
    start, end = query.span(viewer.get().now)
    local = viewer.get().local
    return f"{local(start):%d %b %H:%M} to {local(end):%d %b %H:%M}"
