"""The query string of the runs list: the address is the state, and it means the same filters as the API's body.

A value with `!` before it excludes: `tag=!sandbox`. The search box takes the same in words: `tag:!sandbox cobalt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from orion.model.filters import Filters, FlowRunSort, TimeCriterion
from orion.model.times import EPOCH
from orion.web.display import LOOKS, viewer
from orion.web.pages import run_filters

RANGES = {"1h": 1 / 24, "6h": 0.25, "24h": 1.0, "7d": 7.0, "30d": 30.0}
RANGE_NAMES = {"1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
BUCKETS = {"1h": 75, "6h": 450, "24h": 1800, "7d": 14_400, "30d": 43_200}
WIDTHS = {  # seconds that a bar of the history may stand for, and how its axis then tells time
    75: "%H:%M", 450: "%H:%M", 1800: "%H:%M", 14_400: "%a %d", 43_200: "%d %b", 86_400: "%d %b", 604_800: "%d %b",
    28 * 86_400: "%d %b %Y", 364 * 86_400: "%Y",
}  # fmt: skip
MOST_BARS = 70
FIRST_DAY, LAST_DAY = EPOCH + timedelta(days=2), datetime(8999, 1, 1, tzinfo=UTC)  # whole in every zone
SORTS: dict[str, tuple[FlowRunSort, str]] = {
    "": ("EXPECTED_START_TIME_DESC", "Newest first"),
    "oldest": ("EXPECTED_START_TIME_ASC", "Oldest first"),
    "az": ("NAME_ASC", "A to Z"),
    "za": ("NAME_DESC", "Z to A"),
}
LISTS = {"state": "states", "flow": "flows", "deployment": "deployments", "queue": "queues", "tag": "tags"}
_uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_word = re.compile(r'(?:^|\s)(state|flow|queue|tag):(!?)(?:"([^"]+)"|(\S+))(?=\s|$)')


@dataclass(frozen=True)
class RunQuery:
    """What a list of runs is narrowed to. Defaults are left out of addresses."""

    range: str = "7d"
    start: str = ""
    end: str = ""
    by: str = ""
    q: str = ""
    states: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sort: str = ""
    chart: str = ""
    after: str = ""
    at: int = field(default=0)

    @property
    def looks(self) -> tuple[str, ...]:
        """The states that are wanted, as looks. Nothing means all."""
        named = [state.lower() for state in self.states]
        wanted = tuple(dict.fromkeys(name for name in named if name[:1] != "!"))
        shunned = {name[1:] for name in named if name[:1] == "!"}
        if not shunned:
            return wanted
        return tuple(look for look in wanted or LOOKS if look not in shunned)

    @property
    def ended(self) -> bool:
        """Whether the time range is about the ends of runs."""
        return self.by == "end"

    @property
    def order(self) -> FlowRunSort:
        """The sort of the list; runs by their end come latest first."""
        return "END_TIME_DESC" if self.ended and not self.sort else SORTS[self.sort][0]

    @property
    def plain(self) -> RunQuery:
        """The view without the place in it."""
        return replace(self, after="", at=0)

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """From when to when runs are shown: by default seven days back to the end of tomorrow."""
        tomorrow = datetime.combine(
            viewer.get().local(now).date() + timedelta(days=2), time.min, viewer.get().zone
        )
        start = self._day(self.start) or now - timedelta(days=RANGES[self.range])
        until = self._day(self.end)
        return start, until + timedelta(days=1) if until else tomorrow

    def bars(self, start: datetime, end: datetime, now: datetime) -> tuple[datetime, timedelta]:
        """Until when the history is drawn, a little ahead of now, and for how long each of its bars stands."""
        until = min(end, now + (now - start) / 8) if start < now else end
        seconds = (until - start).total_seconds()
        fits = (width for width in WIDTHS if seconds <= MOST_BARS * width)
        width = next(fits, max(WIDTHS)) if self.start or self.end else BUCKETS[self.range]
        return min(until, start + timedelta(seconds=MOST_BARS * width)), timedelta(seconds=width)

    def filters(
        self, start: datetime | None = None, end: datetime | None = None, *, states: bool = True
    ) -> Filters:
        """The API's filters that this query means, for runs expected (or ended) in a span of time without its end."""
        found = run_filters.filters(
            q=self.q,
            looks=self.looks if states else (),
            flows=self.flows,
            deployments=self.deployments,
            queues=self.queues,
            tags=self.tags,
        )
        assert found.flow_runs is not None
        last = end - timedelta.resolution if end else None
        span = TimeCriterion(after_=start, before_=last) if start or end else None
        if self.ended:
            found.flow_runs.end_time = span or TimeCriterion(is_null_=False)
        else:
            found.flow_runs.expected_start_time = span
        return found

    def href(self, **changes: Any) -> str:
        """The address of the list with something changed; a change begins at the first page again."""
        return address(replace(self, **{"after": "", "at": 0, **changes}))

    def without(self, name: str, value: str) -> str:
        """The address without one of the values it is narrowed to."""
        return address(self.bare(name, value))

    def bare(self, name: str, value: str) -> RunQuery:
        """The view without one of the values it is narrowed to."""
        left: Any = {name: tuple(each for each in getattr(self, name) if each != value)}
        return replace(self.plain, **left)

    def chosen(self, name: str) -> str:
        """The value that the select of a filter shows."""
        return next((each for each in getattr(self, LISTS[name]) if each[:1] != "!"), "")

    def hidden(self) -> list[tuple[str, str]]:
        """What the selects of the page do not show, so that a form that is sent keeps it."""
        kept = [("range", self.range if self.range != "7d" else ""), ("start-date", self.start)]
        kept += [("end-date", self.end), ("by", self.by), ("chart", self.chart)]
        for key, name in LISTS.items():
            shown = self.chosen(key) if key != "queue" else ""
            kept += [(key, each) for each in getattr(self, name) if each != shown]
        return [(key, value) for key, value in kept if value]

    def _day(self, text: str) -> datetime | None:
        try:
            day = datetime.fromisoformat(text)
        except ValueError:
            return None
        day = day if day.tzinfo else day.replace(tzinfo=viewer.get().zone)
        return min(max(day, FIRST_DAY), LAST_DAY)


def parse(query: QueryParams) -> RunQuery:
    """The query of an address; the names of older consoles are read too, and nonsense means the default."""
    chosen, sort, at = query.get("range", ""), query.get("sort", ""), query.get("at", "")
    q, said = _words(query.get("q", "").strip()[:200])
    several = {name: _both(_values(query, key), said.get(key, ())) for key, name in LISTS.items()}
    return RunQuery(
        range=chosen if chosen in RANGES else "7d",
        start=query.get("start-date", "")[:40],
        end=query.get("end-date", "")[:40],
        by="end" if query.get("by") == "end" else "",
        q=q,
        **{
            **several,
            "states": tuple(each for each in several["states"] if each.lower().removeprefix("!") in LOOKS),
            "deployments": tuple(each for each in several["deployments"] if _is_id(each)),
        },
        sort=sort if sort in SORTS else "",
        chart="duration" if query.get("chart") == "duration" else "",
        after=query.get("after", "")[:500],
        at=min(int(at), 10**9) if at.isdecimal() and len(at) < 10 else 0,
    )


_KEYS = {
    "range": "range", "start": "start-date", "end": "end-date", "by": "by", "q": "q", "states": "state",
    "flows": "flow", "deployments": "deployment", "queues": "queue", "tags": "tag", "sort": "sort",
    "chart": "chart", "after": "after", "at": "at",
}  # fmt: skip


def address(query: RunQuery) -> str:
    """The clean address of a query, relative to the console's root."""
    said = pairs(query)
    return "runs" + (f"?{urlencode(said)}" if said else "")


def pairs(query: RunQuery) -> list[tuple[str, str]]:
    """The names and values of an address, defaults left out."""
    plain = RunQuery()
    said = [(key, getattr(query, name)) for name, key in _KEYS.items()]
    usual = {key: getattr(plain, name) for name, key in _KEYS.items()}
    return [
        (key, str(each))
        for key, value in said
        if value != usual[key]
        for each in (value if isinstance(value, tuple) else (value,))
    ]


def _words(text: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    """A search text without its words like `tag:!sandbox`, and these by name."""
    said: dict[str, tuple[str, ...]] = {}
    for name, no, quoted, bare in _word.findall(text):
        said[name] = (*said.get(name, ()), no + (quoted or bare))
    return _word.sub(" ", text).strip(), said


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))[:50]


def _values(query: QueryParams, name: str) -> tuple[str, ...]:
    found = dict.fromkeys(value[:200] for value in query.getlist(name) if value.strip("!"))
    return tuple(value.lower() if _is_id(value) else value for value in found)[:50]


def _is_id(text: str) -> bool:
    return bool(_uuid(text.removeprefix("!")))
