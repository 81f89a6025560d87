"""Grids: the intervals of a history, and which parts of them roll-ups can tell.

Finished flow runs are rolled up by minute, for each flow and deployment, and by hour, for all of them together and for
each tag and queue. A part is asked of a roll-up where a whole minute or hour lies in one interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from orion.errors import Invalid
from orion.model.filters import Filters, TimeCriterion
from orion.model.times import EPOCH, as_utc, from_micros, to_micros
from orion.store.base import Conn
from orion.store.conditions import given
from orion.store.rollup import minute

MINUTE = timedelta(minutes=1)
HOUR = 3_600_000_000  # microseconds
MOST_INTERVALS = 10_000
LONGEST = 366 * 86_400
LAST = datetime(9000, 1, 1, tzinfo=UTC)
MOST_QUEUES = 10
APART = {"expected_start_time", "tags", "work_queue_name"}  # what is no condition on the rows of a roll-up
Cell = tuple[int, int, int]
Stretch = tuple[datetime, datetime]


class Grid(NamedTuple):
    """Equal intervals from `start` on; counted are the runs expected from `first` up to, not including, `last`."""

    start: datetime
    step: timedelta
    size: int
    first: datetime
    last: datetime

    def borders(self) -> list[datetime]:
        return [self.start + place * self.step for place in range(self.size + 1)]

    def whole(self) -> list[Cell]:
        """All of each interval within the bounds."""
        borders = [to_micros(min(max(border, self.first), self.last)) for border in self.borders()]
        return [(place, a, z) for place, (a, z) in enumerate(pairwise(borders)) if a < z]

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

    def beside(self, hours: Iterable[Cell]) -> list[tuple[datetime, datetime]]:
        """The stretches within the bounds that are in none of some hours, which are in order."""
        edges = [self.first, *(from_micros(edge) for _, *both in hours for edge in both), self.last]
        return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]

    def within(self, stretch: Stretch) -> Grid:
        """The same with narrower bounds."""
        return self._replace(first=max(self.first, stretch[0]), last=min(self.last, stretch[1]))

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


class Narrowed(NamedTuple):
    """What is asked of a roll-up: filters without times, tags and queues, the grid within the times, and the facets."""

    rest: Filters | None
    cells: Grid
    facets: list[str]


class Parts(NamedTuple):
    """What of a grid a roll-up by hour and the one by minute tell, and the stretches that are read from rows."""

    hours: list[Cell]
    minutes: list[Cell]
    beside: list[tuple[datetime, datetime]]


def rolled_up(filters: Filters | None, cells: Grid) -> Narrowed | None:
    """The filters without limits on the expected start, which narrow the grid instead; None if only rows can tell.

    The roll-ups know of a run no more than its state and its flow and deployment, or one of its tags, or its queue.
    """
    if filters is None:
        return Narrowed(None, cells, [])
    if (
        filters.task_runs is not None
        or filters.work_pools is not None
        or filters.work_pool_queues is not None
    ):
        return None
    runs = filters.flow_runs
    if runs is None:
        return Narrowed(filters, cells, [])
    asked = {name for name, _ in given(runs)} - {"operator"}
    limits = runs.expected_start_time or TimeCriterion()
    if not asked <= {"state", "deployment_id", *APART} or limits.is_null_ is not None:
        return None
    if runs.operator == "or_" and asked & APART and len(asked) > 1:
        return None
    facets = _facets(filters)
    if facets is None:
        return None
    first, last = cells.first, cells.last
    if limits.after_ is not None:
        first = min(max(first, as_utc(limits.after_)), last)
    if limits.before_ is not None:
        last = max(min(last, min(as_utc(limits.before_), LAST) + timedelta.resolution), first)
    rest = replace(runs, expected_start_time=None, tags=None, work_queue_name=None)
    return Narrowed(replace(filters, flow_runs=rest), cells._replace(first=first, last=last), facets)


def _facets(filters: Filters) -> list[str] | None:
    """The one tag or the few queues that runs must have; none of them, or None where several things are asked."""
    runs = filters.flow_runs
    criteria = [each for each in (runs.tags, runs.work_queue_name) if each is not None] if runs else []
    if runs is None or not criteria:
        return []
    said = {key: values for key, values in given(criteria[0]) if key != "operator"}
    values = list(dict.fromkeys(said.get("any_") or said.get("all_") or ()))
    if len(criteria) + len(said) > 2 or not values or not _of_all_flows(filters):
        return None
    if len(values) > (MOST_QUEUES if runs.tags is None else 1):
        return None
    return [f"{'queue' if runs.tags is None else 'tag'}:{value}" for value in values]


def parts_of(asked: Narrowed) -> Parts | None:
    """Where the parts of a history come from; None where rows alone tell it."""
    cells = asked.cells
    if not asked.facets and not _of_all_flows(asked.rest):
        return Parts([], cells.cells(), cells.cuts())
    hours, minutes = _whole_hours(cells.cells())
    if asked.facets:
        return Parts(hours, [], cells.beside(hours)) if hours else None
    return Parts(hours, minutes, cells.cuts())


def parts_within(asked: Iterable[Narrowed]) -> Parts:
    """The parts of several stretches of one interval together."""
    found = Parts([], [], [])
    for each in asked:
        whole = Parts([], [], [(each.cells.first, each.cells.last)])
        for all_of_them, own in zip(found, parts_of(each) or whole, strict=True):
            all_of_them.extend(own)  # type: ignore[attr-defined]  # a list, whichever of the three
    return found


def by_name(filters: Filters | None) -> bool:
    """Whether runs are sought by parts of their names: nearly all of a time are looked at, and many may be meant."""
    runs = filters.flow_runs if filters else None
    if filters is None or runs is None or not _of_all_flows(filters):
        return False
    others = filters.task_runs, filters.work_pools, filters.work_pool_queues
    asked = {name for name, _ in given(runs)} - {"operator", "state", "expected_start_time"}
    return asked == {"name"} and runs.operator != "or_" and not any(other is not None for other in others)


def _of_all_flows(filters: Filters | None) -> bool:
    """Whether a filter that the roll-up by minute can answer asks for no flow and no deployment."""
    if filters is None:
        return True
    runs = filters.flow_runs
    return (
        filters.flows is None and filters.deployments is None and (runs is None or runs.deployment_id is None)
    )


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


def _minute_from(moment: datetime) -> datetime:
    """The first minute that does not begin before a moment."""
    return minute(moment + MINUTE - timedelta.resolution)
