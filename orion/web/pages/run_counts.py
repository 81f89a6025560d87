"""The numbers above a list of runs: how many of each state, over time, and which filter hides the most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote_plus

from orion.model.filters import Filters, FlowRunFilter, HistoryQuery
from orion.model.states import HistoryBucket
from orion.model.times import EPOCH
from orion.store import grids
from orion.store import history as histories
from orion.store.base import Conn
from orion.web.charts.history import Bucket
from orion.web.display import look, viewer
from orion.web.pages.run_query import RunQuery

LONGEST_RUN = timedelta(days=300)
FROM, UNTIL = "\0from", "\0until"  # the times of a bar in its address; no text of a filter holds a NUL
_FROM, _UNTIL = quote_plus(FROM), quote_plus(UNTIL)
Chip = tuple[str, RunQuery]
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Drop:
    """A filter that hides runs: what it says, the address without it, and how many runs it hides."""

    words: str
    href: str
    number: int


def history(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, width: timedelta, now: datetime
) -> list[Bucket]:
    """Counts by bucket; the edges lie on round times of the viewer's clock."""
    first = _floor(start, width)
    seconds = width.total_seconds()
    asked = _asked(query.filters(), first, end, seconds)
    found = histories.flow_runs(conn, asked, first, end, seconds, now, only_counts=True)
    led = query.href(start=FROM, end=UNTIL)
    return [_bucket(each, led) for each in found]


def counts(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, now: datetime, *, states: bool = False
) -> dict[str, int]:
    """How many runs of each look there are; whatever state is chosen, unless `states` count too."""
    filters = query.filters(start, end, states=states)
    first = max(start - LONGEST_RUN, EPOCH) if query.ended else start
    seconds = min(max((end - first).total_seconds(), 1.0), grids.LONGEST)
    found: dict[str, int] = {}
    asked = _asked(filters, first, end, seconds)
    for bucket in histories.flow_runs(conn, asked, first, end, seconds, now, only_counts=True):
        for state in bucket.states:
            seen = look(state.state_type, state.state_name)
            found[seen] = found.get(seen, 0) + state.count_runs
    return found


def counts_beside(
    conn: Conn, query: RunQuery, buckets: list[Bucket], width: timedelta, span: Span, now: datetime
) -> dict[str, int]:
    """The same where the history is known: what it has counted is not counted again, but for its ends."""
    start, end = span
    inner = [bucket for bucket in buckets if start <= bucket.start and bucket.start + width <= end]
    if query.looks or query.ended or not inner:
        return counts(conn, query, start, end, now)
    found: Counter[str] = Counter()
    for bucket in inner:
        found.update(bucket.counts)
    ends = [(start, inner[0].start), (inner[-1].start + width, end)]
    if ends := [(first, last) for first, last in ends if first < last]:
        filters = query.filters()
        for state, number in histories.numbers(conn, filters, ends, now).items():
            found[look(*state)] += number
    return {seen: number for seen, number in found.items() if number}


def reach(
    query: RunQuery, buckets: list[Bucket], width: timedelta, span: Span, now: datetime, total: int, n: int
) -> datetime | None:
    """From when on the first `n` runs of a list are expected, as far as the history tells; None where it has no run.

    So a list of what is rare goes no further back than it must. More than `n` are counted, for what goes meanwhile.
    """
    start, end = span
    if query.ended or not buckets:
        return start
    until = buckets[-1].start + width
    counted = [bucket for bucket in buckets if any(bucket.counts.values())]
    if not counted:
        return None if until >= end or not (query.looks or total) else until
    if query.sort or query.after:
        return max(start, counted[0].start)
    left = 2 * n
    for bucket in reversed(counted):
        if bucket.start + width <= now:  # what is ahead or late stands in groups of its own
            left -= sum(bucket.counts.values()) - bucket.counts.get("late", 0)
        if left < 0:
            return max(start, bucket.start)
    return max(start, counted[0].start)


def most_hiding(conn: Conn, query: RunQuery, chips: list[Chip], now: datetime) -> list[Drop]:
    """The filters without which there were runs, the one that hides the most first."""
    drops = []
    for words, without in chips[:12]:
        number = sum(counts(conn, without, *without.span(now), now, states=True).values())
        drops.append(Drop(words, without.href(), number))
    return sorted((drop for drop in drops if drop.number), key=lambda drop: -drop.number)


def _asked(filters: Filters, start: datetime, end: datetime, seconds: float) -> HistoryQuery:
    return HistoryQuery(
        flows=filters.flows,
        flow_runs=None if filters.flow_runs == FlowRunFilter() else filters.flow_runs,
        deployments=filters.deployments,
        history_start=start,
        history_end=end,
        history_interval_seconds=seconds,
    )


def _floor(time: datetime, width: timedelta) -> datetime:
    local = viewer.get().local(time)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + (local - midnight) // width * width).replace(fold=local.fold)


def _bucket(bucket: HistoryBucket, led: str) -> Bucket:
    found: dict[str, int] = {}
    for state in bucket.states:
        seen = look(state.state_type, state.state_name)
        found[seen] = found.get(seen, 0) + state.count_runs
    start, end = bucket.interval_start, bucket.interval_end
    for mark, time in ((_FROM, start), (_UNTIL, end - timedelta(days=1))):
        led = led.replace(mark, _quoted(time))
    return Bucket(start, found, led)


def _quoted(time: datetime) -> str:
    """A moment as an address holds it: what `quote_plus` would give, quicker, since a history has a hundred."""
    return time.isoformat().replace(":", "%3A").replace("+", "%2B")
