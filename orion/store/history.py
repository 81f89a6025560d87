"""History: runs counted by interval of their expected start and by state, exactly.

Finished flow runs come from the roll-ups as far as those can tell (`grids.py`); live runs, and what the border of two
intervals cuts, come from the rows. What no roll-up can answer is read from rows only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from orion.model.filters import Filters, TimeCriterion
from orion.model.flow_runs import SimpleFlowRun
from orion.model.states import HistoryBucket, HistoryState
from orion.model.times import to_micros, whole
from orion.store import flow_runs as flows
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.filters import Where, lone, where
from orion.store.grids import (
    MINUTE,
    Grid,
    Narrowed,
    Parts,
    Stretch,
    by_name,
    grid,
    parts_of,
    parts_within,
    rolled_up,
)
from orion.store.paging import count_upto, scalar
from orion.store.rows import json_text

Q = sql.load("history")
SUMS, COUNT = "sum(n), sum(run_time), sum(lateness)", "sum(n), 0, 0"
LIVE = "flow_run.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')"
CUTS_AT_ONCE, MOST_TOLD = 100, 500
_sums = msgspec.json.Decoder(tuple[float | None, float | None, float | None]).decode
_told = msgspec.json.Decoder(tuple[int, list[tuple[str, str]]]).decode
FEW = 2_000  # runs of a flow or deployment that are sooner read themselves than sought among all minutes
RANGES = [
    f"(flow_run.expected_start_time >= :a{place} AND flow_run.expected_start_time < :z{place})"
    for place in range(CUTS_AT_ONCE)
]


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
    narrowed = rolled_up(filters, cells)
    parts = None if narrowed is None or cells.step < MINUTE else parts_of(narrowed)
    if narrowed is None or parts is None or _few(conn, narrowed.rest, narrowed.cells):
        wanted = _wanted(conn, "flow_run", filters, cells)
        told = only_counts and conn.dialect == "sqlite" and cells.size <= MOST_TOLD and by_name(filters)
        return _buckets(
            cells, _states_told(conn, wanted, cells) if told else _read(conn, text, wanted, cells, now)
        )
    own = _own(_wanted(conn, "flow_run", narrowed.rest, narrowed.cells), narrowed.facets)
    live = _read(conn, text.replace("{where}", f"{LIVE} AND {{where}}"), own, narrowed.cells, now)
    ended = _ended_within(conn, own, narrowed.cells, parts.beside, only_counts)
    whole = _rolled(conn, narrowed, parts, COUNT if only_counts else SUMS)
    return _buckets(cells, [*whole, *ended, *live])


def numbers(
    conn: Conn, filters: Filters | None, stretches: Sequence[Stretch], now: datetime
) -> Counter[tuple[str, str]]:
    """How many of the runs that meet the filters are expected in some stretches of time, by state type and name.

    What a history of each stretch would count, in as many statements as for one. They are in order, without their ends.
    """
    first, last = stretches[0][0], stretches[-1][1]
    cells = Grid(first, last - first, 1, first, last)
    asked = rolled_up(filters, cells)
    if asked is None or _few(conn, asked.rest, asked.cells):
        rows = _each(conn, Q.counts, _wanted(conn, "flow_run", filters, cells), cells, stretches, now)
        return _added(rows)
    within = [each for each in map(asked.cells.within, stretches) if each.first < each.last]
    parts = parts_within([asked._replace(cells=each) for each in within])
    own = _own(_wanted(conn, "flow_run", asked.rest, cells), asked.facets)
    text = Q.counts.replace("{where}", f"{LIVE} AND {{where}}")
    live = _each(conn, text, own, cells, [(each.first, each.last) for each in within], now)
    ended = _ended_within(conn, own, cells, parts.beside, only_counts=True)
    return _added([*_rolled(conn, asked, parts, COUNT), *ended, *live])


def _each(
    conn: Conn, text: str, wanted: Where, cells: Grid, stretches: Sequence[Stretch], now: datetime
) -> list[Row]:
    """A statement for each of some stretches, all at once."""
    params, texts = {**wanted.params, **cells.params(conn, now)}, []
    for place, (low, high) in enumerate(stretches):
        params |= {f"low{place}": conn.time(low), f"high{place}": conn.time(high)}
        texts.append(text.replace(":first_time", f":low{place}").replace(":last_time", f":high{place}"))
    whole = " UNION ALL ".join(texts).replace("{where}", wanted.text).replace("{run}", "flow_run")
    return conn.all(whole, params) if texts else []


def _added(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for _, kind, name, count, *_ in rows:
        found[kind, name] += int(count)
    return found


def task_runs(
    conn: Conn, filters: Filters | None, start: datetime, end: datetime, seconds: float, now: datetime
) -> list[HistoryBucket]:
    """The history of the task runs that meet the filters."""
    cells = grid(start, end, seconds)
    wanted = _wanted(conn, "task_run", filters, cells)
    return _buckets(cells, _read(conn, Q.rows, wanted, cells, now, "task_run"))


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


def _wanted(conn: Conn, table: str, filters: Filters | None, cells: Grid) -> Where:
    return where(conn, table, filters, within=TimeCriterion(after_=cells.first, before_=cells.last))


def _own(wanted: Where, facets: list[str]) -> Where:
    """The condition on rows that also asks for the tag or for one of the queues."""
    if not facets:
        return wanted
    kind, _, tag = facets[0].partition(":")
    if kind == "tag":
        return Where(f"{wanted.text} AND {Q.tagged}", {**wanted.params, "tag": tag})
    queues = {f"q{place}": facet.partition(":")[2] for place, facet in enumerate(facets)}
    listed = ", ".join(f":{name}" for name in queues)
    text = f"{wanted.text} AND flow_run.work_queue_name IN ({listed})"
    return Where(text, {**wanted.params, **queues})


def _read(
    conn: Conn, text: str, wanted: Where, cells: Grid, now: datetime, table: str = "flow_run"
) -> list[Row]:
    text = text.replace("{where}", wanted.text).replace("{run}", table)
    return conn.all(text, {**wanted.params, **cells.params(conn, now)})


def _states_told(conn: Conn, wanted: Where, cells: Grid) -> Iterator[Row]:
    """The numbers of runs of which many may be meant, without that the database sorts them."""
    text = Q.states_told.replace("{where}", wanted.text)
    for place, told in conn.all(text, {**wanted.params, "cells": json_text(cells.whole())}):
        number, others = _told(told)
        yield place, "COMPLETED", "Completed", number - len(others), 0, 0
        for (kind, name), count in Counter(others).items():
            yield place, kind, name, count, 0, 0


def _rolled(conn: Conn, asked: Narrowed, parts: Parts, sums: str) -> Iterator[Row]:
    """Finished runs of the minutes and hours that lie in one interval, from the roll-ups."""
    wanted = where(conn, "flow_run", asked.rest)
    facets = {f"f{place}": facet for place, facet in enumerate(asked.facets)}
    by_hour = (
        Q.by_facet.replace("{facets}", ", ".join(f":{name}" for name in facets)) if facets else Q.by_hour
    )
    for rollup, cells in ((by_hour, parts.hours), (Q.by_minute, parts.minutes)):
        text = Q.rolled.replace("{rollup}", rollup).replace("{where}", wanted.text).replace("{sums}", sums)
        found = conn.all(text, {**wanted.params, **facets, "cells": json_text(cells)}) if cells else []
        for place, kind, name, added in found:
            count, run_time, late = _sums(added)
            if count is not None:
                yield place, kind, name, count, run_time, late


def _few(conn: Conn, filters: Filters | None, cells: Grid) -> bool:
    """Whether few runs are meant, of flows or deployments that are named by their ids."""
    if filters is None or (lone(filters.flows, "id") is None and lone(filters.deployments, "id") is None):
        return False
    wanted = where(conn, "flow_run", filters)
    text = f"flow_run.expected_start_time >= :a AND flow_run.expected_start_time < :z AND {wanted.text}"
    bounds = {"a": conn.time(cells.first), "z": conn.time(cells.last)}
    return count_upto(conn, "flow_run", Where(text, {**wanted.params, **bounds}), FEW) < FEW


def _ended_within(
    conn: Conn, wanted: Where, cells: Grid, cuts: list[tuple[datetime, datetime]], only_counts: bool
) -> Iterator[Row]:
    """Finished runs of the other stretches of time, from their rows."""
    params = {**wanted.params, **cells.params(conn, cells.last)}
    whole = Q.ended_within.replace("{where}", wanted.text)
    whole = whole.replace("{times}", "0, 0" if only_counts else Q.times_of_ended)
    for part in (cuts[place : place + CUTS_AT_ONCE] for place in range(0, len(cuts), CUTS_AT_ONCE)):
        text = whole.replace("{ranges}", " OR ".join(RANGES[: len(part)]))
        lows = {f"a{place}": conn.time(low) for place, (low, _) in enumerate(part)}
        highs = {f"z{place}": conn.time(high) for place, (_, high) in enumerate(part)}
        yield from conn.all(text, {**params, **lows, **highs})


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
