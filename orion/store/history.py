"""History: runs counted by interval of their expected start and by state, exactly.

Finished flow runs come from the roll-up by minute, wherever a minute lies in one interval, and of all flows together
from the one by hour wherever an hour does; live runs, and the minutes that are cut by the border of two intervals, come
from the rows. What the roll-up cannot answer is read from rows only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from orion.errors import Invalid
from orion.model.filters import Filters, TimeCriterion
from orion.model.flow_runs import SimpleFlowRun
from orion.model.states import HistoryBucket, HistoryState
from orion.model.times import EPOCH, as_utc, to_micros, whole
from orion.model.wire import unraw
from orion.store import flow_runs as flows
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.conditions import given
from orion.store.filters import Where, lone, where
from orion.store.paging import count_upto, scalar
from orion.store.rollup import minute
from orion.store.rows import json_text

Q = sql.load("history")
MINUTE = timedelta(minutes=1)
HOUR = 3_600_000_000  # microseconds
MOST_INTERVALS = 10_000
LONGEST = 366 * 86_400
LAST = datetime(9000, 1, 1, tzinfo=UTC)
SUMS, COUNT = "sum(n), sum(run_time), sum(lateness)", "sum(n), 0, 0"
Cell = tuple[int, int, int]
LIVE = "flow_run.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')"
CUTS_AT_ONCE = 100
FEW = 2_000  # runs of a flow or deployment that are sooner read themselves than sought among all minutes
RANGES = [
    f"(flow_run.expected_start_time >= :a{place} AND flow_run.expected_start_time < :z{place})"
    for place in range(CUTS_AT_ONCE)
]


class Grid(NamedTuple):
    """Equal intervals from `start` on; counted are the runs expected from `first` up to, not including, `last`."""

    start: datetime
    step: timedelta
    size: int
    first: datetime
    last: datetime

    def borders(self) -> list[datetime]:
        return [self.start + place * self.step for place in range(self.size + 1)]

    def cells(self) -> list[Cell]:
        """The whole minutes of each interval within the bounds: its place, the first, and the one after the last."""
        borders = [min(max(border, self.first), self.last) for border in self.borders()]
        spans = ((_minute_from(low), minute(high)) for low, high in pairwise(borders))
        return [(place, to_micros(a), to_micros(z)) for place, (a, z) in enumerate(spans) if a < z]

    def cuts(self) -> list[tuple[datetime, datetime]]:
        """The minutes that lie in two intervals or across the bounds, as far as they are within the bounds."""
        edges = {*self.borders(), self.first, self.last}
        cut = sorted({minute(edge) for edge in edges if edge != minute(edge)})
        spans = ((max(start, self.first), min(start + MINUTE, self.last)) for start in cut)
        return [(low, high) for low, high in spans if low < high]

    def params(self, conn: Conn, now: datetime) -> dict[str, Any]:
        return {
            "start": to_micros(self.start),
            "step": self.step // timedelta.resolution,
            "first_time": conn.time(self.first),
            "last_time": conn.time(self.last),
            "now": to_micros(now),
        }


def grid(start: datetime, end: datetime, seconds: float) -> Grid:
    """The intervals that cover a time, the last one to its end or beyond; a number beyond reason is refused."""
    start, end = as_utc(start), as_utc(end)
    if not 1 <= seconds <= LONGEST:
        raise Invalid(f"history_interval_seconds must be at least 1, and at most {LONGEST}.")
    if start < EPOCH or end > LAST:
        raise Invalid("The history must lie between the years 1970 and 9000.")
    step = timedelta(seconds=seconds)
    count = max(0, -((start - end) // step))
    if count > MOST_INTERVALS:
        most = f"{MOST_INTERVALS} at most: narrow the time or widen the intervals"
        raise Invalid(f"The history would have {count} intervals; {most}.")
    return Grid(start, step, count, start, start + count * step)


def flow_runs(
    conn: Conn,
    filters: Filters | None,
    start: datetime,
    end: datetime,
    seconds: float,
    now: datetime,
    *,
    only_counts: bool = False,
) -> list[HistoryBucket]:
    """The history of the flow runs that meet the filters; every interval is there, also an empty one.

    With `only_counts` only the numbers of runs are right: run times and latenesses are not added up for all.
    """
    cells, text = grid(start, end, seconds), Q.counts if only_counts else Q.rows
    narrowed = by_minute(filters, cells)
    if narrowed is None or cells.step < MINUTE or _few(conn, *narrowed):
        return _buckets(cells, _read(conn, text, "flow_run", filters, cells, now))
    rest, inner = narrowed
    live = _read(conn, text.replace("{where}", f"{LIVE} AND {{where}}"), "flow_run", rest, inner, now)
    sums = COUNT if only_counts else SUMS
    return _buckets(
        cells, [*_whole_minutes(conn, rest, inner, sums), *_cut_minutes(conn, rest, inner), *live]
    )


def task_runs(
    conn: Conn, filters: Filters | None, start: datetime, end: datetime, seconds: float, now: datetime
) -> list[HistoryBucket]:
    """The history of the task runs that meet the filters."""
    cells = grid(start, end, seconds)
    return _buckets(cells, _read(conn, Q.rows, "task_run", filters, cells, now))


def lateness(conn: Conn, filters: Filters | None, now: datetime) -> float | None:
    """Seconds by which the runs that meet the filters start late, on average; None when there are none."""
    wanted = where(conn, "flow_run", filters)
    found = scalar(conn, Q.lateness.replace("{where}", wanted.text), {**wanted.params, "now": to_micros(now)})
    return None if found is None else float(found)


def dots(
    conn: Conn, filters: Filters | None, sort: str | None, limit: int, offset: int, now: datetime
) -> list[SimpleFlowRun]:
    """One dot a run: when it started or should start, how long it took and how late it was; times in seconds."""
    runs = flows.filter(conn, filters, sort or "EXPECTED_START_TIME_DESC", limit, offset, now)
    return [
        SimpleFlowRun(
            id=run.id,
            state_type=run.state_type,
            timestamp=began,
            duration=run.estimated_run_time,
            lateness=max(0.0, run.estimated_start_time_delta),
        )
        for run in runs
        if run.state_type is not None and (began := run.start_time or run.expected_start_time) is not None
    ]


def by_minute(filters: Filters | None, cells: Grid) -> tuple[Filters | None, Grid] | None:
    """The filters without limits on the expected start, which narrow the grid instead; None if only rows can tell.

    The roll-up knows of a run no more than its flow, its deployment and its state.
    """
    if filters is None:
        return None, cells
    if (
        filters.task_runs is not None
        or filters.work_pools is not None
        or filters.work_pool_queues is not None
    ):
        return None
    runs = filters.flow_runs
    if runs is None:
        return filters, cells
    asked = {name for name, _ in given(runs)} - {"operator"}
    limits = runs.expected_start_time or TimeCriterion()
    if not asked <= {"state", "deployment_id", "expected_start_time"} or limits.is_null_ is not None:
        return None
    if runs.operator == "or_" and "expected_start_time" in asked and len(asked) > 1:
        return None
    first, last = cells.first, cells.last
    if limits.after_ is not None:
        first = min(max(first, as_utc(limits.after_)), last)
    if limits.before_ is not None:
        last = max(min(last, min(as_utc(limits.before_), LAST) + timedelta.resolution), first)
    rest = replace(runs, expected_start_time=None)
    return replace(filters, flow_runs=rest), cells._replace(first=first, last=last)


def _read(
    conn: Conn, text: str, table: str, filters: Filters | None, cells: Grid, now: datetime
) -> list[Row]:
    wanted = where(conn, table, filters, within=TimeCriterion(after_=cells.first, before_=cells.last))
    text = text.replace("{where}", wanted.text).replace("{run}", table)
    return conn.all(text, {**wanted.params, **cells.params(conn, now)})


def _whole_minutes(conn: Conn, filters: Filters | None, cells: Grid, sums: str) -> Iterator[Row]:
    """Finished runs of the minutes that lie in one interval, from the roll-ups."""
    wanted = where(conn, "flow_run", filters)
    hours, minutes = _whole_hours(cells.cells()) if _of_all_flows(filters) else ([], cells.cells())
    for rollup, parts in ((Q.by_hour, hours), (Q.by_minute, minutes)):
        text = Q.rolled.replace("{rollup}", rollup).replace("{where}", wanted.text).replace("{sums}", sums)
        found = conn.all(text, {**wanted.params, "cells": json_text(parts)}) if parts else []
        for place, kind, name, added in found:
            count, run_time, late = unraw(added.encode()) if isinstance(added, str) else added
            if count is not None:
                yield place, kind, name, count, run_time, late


def _of_all_flows(filters: Filters | None) -> bool:
    """Whether a filter that the roll-up by minute can answer asks for no flow and no deployment."""
    if filters is None:
        return True
    runs = filters.flow_runs
    return (
        filters.flows is None and filters.deployments is None and (runs is None or runs.deployment_id is None)
    )


def _few(conn: Conn, filters: Filters | None, cells: Grid) -> bool:
    """Whether few runs are meant, of flows or deployments that are named by their ids."""
    if filters is None or (lone(filters.flows, "id") is None and lone(filters.deployments, "id") is None):
        return False
    wanted = where(conn, "flow_run", filters)
    text = f"flow_run.expected_start_time >= :a AND flow_run.expected_start_time < :z AND {wanted.text}"
    bounds = {"a": conn.time(cells.first), "z": conn.time(cells.last)}
    return count_upto(conn, "flow_run", Where(text, {**wanted.params, **bounds}), FEW) < FEW


def _whole_hours(cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Stretches of minutes as those of whole hours, and the minutes that are left before and after them."""
    hours: list[Cell] = []
    minutes: list[Cell] = []
    for place, start, end in cells:
        first, last = -(-start // HOUR) * HOUR, end // HOUR * HOUR
        if first >= last:
            minutes.append((place, start, end))
            continue
        hours.append((place, first, last))
        minutes += [(place, a, z) for a, z in ((start, first), (last, end)) if a < z]
    return hours, minutes


def _cut_minutes(conn: Conn, filters: Filters | None, cells: Grid) -> Iterator[Row]:
    """Finished runs of the other minutes, from their rows."""
    wanted = where(conn, "flow_run", filters)
    cuts, params = cells.cuts(), {**wanted.params, **cells.params(conn, cells.last)}
    for part in (cuts[place : place + CUTS_AT_ONCE] for place in range(0, len(cuts), CUTS_AT_ONCE)):
        text = Q.cut_minutes.replace("{where}", wanted.text).replace(
            "{ranges}", " OR ".join(RANGES[: len(part)])
        )
        lows = {f"a{place}": conn.time(low) for place, (low, _) in enumerate(part)}
        highs = {f"z{place}": conn.time(high) for place, (_, high) in enumerate(part)}
        yield from conn.all(text, {**params, **lows, **highs})


def _minute_from(moment: datetime) -> datetime:
    """The first minute that does not begin before a moment."""
    return minute(moment + MINUTE - timedelta.resolution)


def _buckets(cells: Grid, rows: Iterable[Row]) -> list[HistoryBucket]:
    """One bucket an interval, each with its states; rows of the same interval and state add up."""
    sums: dict[tuple[int, str, str], HistoryState] = {}
    for place, kind, name, count, run_time, lateness in rows:
        state = sums.setdefault((int(place), kind, name), _nothing(kind, name))
        state.count_runs += int(count)
        state.sum_estimated_run_time += float(run_time)
        state.sum_estimated_lateness += float(lateness)
    borders = [whole(border) for border in cells.borders()]
    buckets = [
        HistoryBucket(interval_start=begin, interval_end=end, states=[]) for begin, end in pairwise(borders)
    ]
    for (place, _, _), state in sorted(sums.items()):
        if state.count_runs:
            buckets[place].states.append(state)
    return buckets


def _nothing(kind: Any, name: str) -> HistoryState:
    return HistoryState(
        state_type=kind, state_name=name, count_runs=0, sum_estimated_run_time=0.0, sum_estimated_lateness=0.0
    )
