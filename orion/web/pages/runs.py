"""The runs list: saved views, state counts, history, and runs by day with what comes first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orion.model.filters import Filters, NameCriterion, StateCriterion, StateTypeCriterion
from orion.model.flow_runs import FlowRun
from orion.store import console, flow_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.charting import RunHistory
from orion.web.charts.durations import Dot
from orion.web.charts.history import Bucket
from orion.web.display import plural, span, viewer
from orion.web.pages import run_actions, run_counts, run_filters, run_query, run_views
from orion.web.pages.run_counts import Chip, Span
from orion.web.pages.run_query import RANGE_NAMES, SORTS, WIDTHS, RunQuery
from orion.web.pages.run_rows import Group, RunRow, by_day, rows_of
from orion.web.pages.shared import PAGE, api_url, as_dot, gather, here, see, stretch
from orion.web.templating import root

STRIP = ("failed", "crashed", "late", "running", "pending", "scheduled", "cancelled", "completed")
UPCOMING, MOST_LATE, MOST_FRESH = 3, 10, 200
MOST_SCROLLED = 2000  # rows that a list grows to by scrolling, so that a browser stays quick; then a click begins anew
DOTS = 60  # runs whose durations are drawn
CHARTS = {"": "Count", "duration": "Duration"}


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
    if call.query.get("more") and query.after:
        return await _more(call, query, now)
    data = await gather(call, _data, query, now, _wanted(call))
    address = run_query.address(query)
    data |= {"now": now, "here": address, "api_url": api_url(call)}
    unclean = here(call) != address and not query.after and "n" not in call.query
    return Reply(data, "flow_runs/list.html#page", push_url=root(call.request) + address if unclean else None)


async def _more(call: Call, query: RunQuery, now: datetime) -> Reply:
    """The next rows of a list that is scrolled; they go on under the day that was shown last."""
    data = await gather(call, _further, query, now, call.query.get("day", ""))
    return Reply({**data, "now": now, "here": run_query.address(query.plain)}, "flow_runs/list.html#more")


def _wanted(call: Call) -> int:
    """How many rows a list that was scrolled shows when it asks again."""
    text = call.query.get("n", "")
    return max(PAGE, min(int(text), MOST_FRESH)) if text.isdecimal() and len(text) < 6 else PAGE


def _data(conn: Conn, query: RunQuery, now: datetime, wanted: int) -> dict[str, Any]:
    start, end = query.span(now)
    until, width = query.bars(start, end, now)
    buckets = run_counts.history(conn, query, start, until, width, now)
    counts = run_counts.counts_beside(conn, query, buckets, width, (start, end), now)
    total = sum(n for name, n in counts.items() if not query.looks or name in query.looks)
    since = run_counts.reach(query, buckets, width, (start, end), now, total, wanted)
    groups, key, number = _groups(conn, query, (start, end), since, counts, now, wanted)
    chips, views = _chips(conn, query), run_views.tabs(conn, query, now)
    return {
        "query": query,
        "range": query.range if not query.start else "",
        "ranges": [(key, name, query.href(range=key, start="", end="")) for key, name in RANGE_NAMES.items()],
        "views": views,
        "view_here": next((view for view in views if view.chosen), None),
        "strip": [_tile(name, counts.get(name, 0), query) for name in STRIP],
        "history": _history(query, buckets, width, now),
        "charts": [(key, name, query.href(chart=key)) for key, name in CHARTS.items()],
        "dots": _dots(conn, query, start, end, now) if query.chart else None,
        "most_dots": DOTS,
        "options": _options(conn, query),
        "chips": [(words, without.href()) for words, without in chips],
        "total": total,
        "most_changed": run_actions.MOST,
        "drops": [] if groups else run_counts.most_hiding(conn, query, chips, now),
        "any_runs": bool(groups) or flow_runs.count(conn) > 0,
        **_place(query, groups, key, number, total),
    }


def _dots(conn: Conn, query: RunQuery, start: datetime, end: datetime, now: datetime) -> list[Dot]:
    return [as_dot(run) for run in console.newest_begun(conn, query.filters(start, end), DOTS, now)]


def _further(conn: Conn, query: RunQuery, now: datetime, day: str) -> dict[str, Any]:
    start, end = query.span(now)
    found, key = _page(conn, query, start, end, now, PAGE)
    groups = by_day(rows_of(conn, found, now), ended=query.ended)
    if groups and groups[0].note == day:
        groups[0] = replace(groups[0], title="", note="")
    place = _place(query, groups, key, len(found), 0)
    return {"query": query, **place, "day": place["day"] or day}


def _place(query: RunQuery, groups: list[Group], key: str | None, number: int, total: int) -> dict[str, Any]:
    """Where in the list the rows stand, and the ways to the next ones."""
    at = query.at + number
    return {
        "groups": groups,
        "shown": stretch(query.at, number, total, "run")
        if query.at or number == total
        else f"{number:,} of {total:,} runs",
        "newer": query.href() if query.after else None,
        "older": query.href(after=key, at=at) if key else None,
        "rows_now": at,
        "paused": at // MOST_SCROLLED > (at - number) // MOST_SCROLLED,
        "fresh": at <= MOST_FRESH,
        "day": next((group.note for group in reversed(groups) if group.note), ""),
    }


def _groups(
    conn: Conn,
    query: RunQuery,
    spans: Span,
    since: datetime | None,
    counts: dict[str, int],
    now: datetime,
    n: int,
) -> tuple[list[Group], str | None, int]:
    """The first page begins with what is late and what comes next; the rest is what was, newest first.

    The list need not be sought before `since`; without it there is nothing to list.
    """
    found, key = _page(conn, query, since, spans[1], now, n) if since else ([], None)
    apart = _split(query) and not query.after
    late, coming = _ahead(conn, query, *spans, counts, now) if apart else ([], [])
    rows, first = rows_of(conn, [*late, *coming, *found], now), len(late) + len(coming)
    ahead = _upcoming(query, rows[: len(late)], rows[len(late) : first], counts)
    return ahead + by_day(rows[first:], ended=query.ended), key, len(rows)


def _split(query: RunQuery) -> bool:
    """Whether what is late and what comes stands in a group of its own."""
    return not query.looks and not query.sort and not query.q and not query.ended


def _page(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, now: datetime, n: int
) -> tuple[list[FlowRun], str | None]:
    split = _split(query)
    filters = query.filters(start, min(end, now + timedelta.resolution) if split else end)
    if split:
        filters = _with_state(filters, StateCriterion(name=NameCriterion(not_any_=["Late"])))
    return flow_runs.page(conn, filters, query.order, n, query.after or None, now=now)


def _upcoming(
    query: RunQuery, late: list[RunRow], coming: list[RunRow], counts: dict[str, int]
) -> list[Group]:
    planned, overdue = counts.get("scheduled", 0), max(counts.get("late", 0), len(late))
    groups = []
    if late:
        note = f"{plural(overdue, 'run')} not taken in time"
        href = query.href(states=("late",), sort="oldest") if overdue > len(late) else None
        groups.append(Group("Late", note, late, href))
    if coming:
        note = f"next {len(coming)} of {planned:,}" if planned > len(coming) else plural(len(coming), "run")
        href = query.href(states=("scheduled",), sort="oldest") if planned > len(coming) else None
        groups.append(Group("Upcoming", note, coming, href))
    return groups


def _ahead(
    conn: Conn, query: RunQuery, start: datetime, end: datetime, counts: dict[str, int], now: datetime
) -> tuple[list[FlowRun], list[FlowRun]]:
    """The late runs and the next ones; where the counts know of none, none are sought."""
    late = _with_state(query.filters(start, end), run_filters.LATE)
    coming = _with_state(query.filters(now, end), StateCriterion(type=StateTypeCriterion(any_=["SCHEDULED"])))
    sort = "EXPECTED_START_TIME_ASC"
    overdue = flow_runs.filter(conn, late, sort, MOST_LATE, 0, now=now) if counts.get("late") else []
    next_ones = flow_runs.filter(conn, coming, sort, UPCOMING, 0, now=now) if counts else []
    return overdue, [run for run in next_ones if run.state_name != "Late"]


def _with_state(filters: Filters, state: StateCriterion) -> Filters:
    assert filters.flow_runs is not None
    filters.flow_runs.state = state
    return filters


def _tile(name: str, count: int, query: RunQuery) -> Tile:
    chosen = query.looks == (name,)
    return Tile(name, count, query.href(states=() if chosen else (name,)), chosen)


def _history(query: RunQuery, buckets: list[Bucket], width: timedelta, now: datetime) -> RunHistory:
    seconds = width.total_seconds()
    time = _times(query) if query.start or query.end else f"last {RANGE_NAMES[query.range]} and ahead"
    each = plural(round(seconds / 60), "minute") if seconds < 3600 else span(seconds)
    return RunHistory(buckets, seconds, now, WIDTHS[int(seconds)], f"Runs by state, each bar {each}, {time}")


def _options(conn: Conn, query: RunQuery) -> dict[str, list[tuple[str, str]]]:
    """What the selects offer; the first of each means no filter, and what is chosen is always among them."""
    options = {
        "state": [("", "All states"), *((name, name.capitalize()) for name in STRIP), ("paused", "Paused")],
        "flow": [("", "All flows"), *console.flow_options(conn)],
        "deployment": [("", "All deployments"), *console.deployment_options(conn)],
        "tag": [("", "All tags"), *((tag, tag) for tag in console.tag_options(conn))],
    }
    for name, offered in options.items():
        chosen = query.chosen(name)
        if chosen not in (value for value, _ in offered):
            offered.append((chosen, chosen))
    return {**options, "sort": [(key, name) for key, (_, name) in SORTS.items()]}


def _chips(conn: Conn, query: RunQuery) -> list[Chip]:
    """Every filter in force as its words and the query without it."""
    flows = console.flow_names(conn, (each.removeprefix("!") for each in query.flows))
    deployments = console.deployment_names(conn, (each.removeprefix("!") for each in query.deployments))
    names = {"flow": flows, "deployment": deployments}
    chips = [(f"name: {query.q}", replace(query.plain, q=""))] if query.q else []
    for key, field in run_query.LISTS.items():
        for value in getattr(query, field):
            words = _value(value, names.get(key), key)
            chips.append((f"{key}: {words}", query.bare(field, value)))
    if query.start or query.end:
        chips.append((_times(query), replace(query.plain, start="", end="")))
    if query.ended:
        chips.append(("by their end", replace(query.plain, by="")))
    return chips


def _value(value: str, names: dict[str, str] | None, key: str) -> str:
    bare = value.removeprefix("!")
    if names is not None:
        bare = names.get(bare) or (bare if key == "flow" and len(bare) != 36 else "deleted")
    elif key == "state":
        bare = bare.lower()
    return f"not {bare}" if value.startswith("!") else bare


def _times(query: RunQuery) -> str:
    start, end = query.span(viewer.get().now)
    local = viewer.get().local
    return f"{local(start):%d %b %H:%M} to {local(end):%d %b %H:%M}"
