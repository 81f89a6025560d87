"""The query string of the runs list: the address is the state, and it means the same filters as the API's body."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from orion.model.filters import (
    DeploymentFilter,
    Filters,
    FlowFilter,
    FlowRunFilter,
    FlowRunSort,
    IdCriterion,
    NameCriterion,
    StateCriterion,
    StateTypeCriterion,
    TagsCriterion,
    TextCriterion,
    TimeCriterion,
)
from orion.model.states import StateType
from orion.web.display import LOOKS, viewer

RANGES = {"1h": 1 / 24, "6h": 0.25, "24h": 1.0, "7d": 7.0, "30d": 30.0}
RANGE_NAMES = {"1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
BUCKETS = {"1h": 75, "6h": 450, "24h": 1800, "7d": 14_400, "30d": 43_200}
CLOCKS = {"1h": "%H:%M", "6h": "%H:%M", "24h": "%H:%M", "7d": "%a %d", "30d": "%d %b"}
SORTS: dict[str, tuple[FlowRunSort, str]] = {
    "": ("EXPECTED_START_TIME_DESC", "Newest first"),
    "oldest": ("EXPECTED_START_TIME_ASC", "Oldest first"),
    "az": ("NAME_ASC", "A to Z"),
    "za": ("NAME_DESC", "Z to A"),
}
_uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


@dataclass(frozen=True)
class RunQuery:
    """What a list of runs is narrowed to. Defaults are left out of addresses."""

    range: str = "7d"
    start: str = ""
    end: str = ""
    q: str = ""
    states: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sort: str = ""
    after: str = ""
    at: int = field(default=0)

    @property
    def looks(self) -> tuple[str, ...]:
        """The chosen states as looks; what names no state is ignored."""
        return tuple(state.lower() for state in self.states if state.lower() in LOOKS)

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """From when to when runs are shown: by default seven days back to the end of tomorrow."""
        tomorrow = datetime.combine(
            viewer.get().local(now).date() + timedelta(days=2), time.min, viewer.get().zone
        )
        start = self._day(self.start) or now - timedelta(days=RANGES[self.range])
        until = self._day(self.end)
        return start, until + timedelta(days=1) if until else tomorrow

    def filters(
        self, start: datetime | None = None, end: datetime | None = None, *, states: bool = True
    ) -> Filters:
        """The API's filters that this query means, for runs expected in a span of time."""
        runs = FlowRunFilter(
            expected_start_time=TimeCriterion(after_=start, before_=end) if start or end else None,
            state=_state(self.looks) if states and self.looks else None,
            tags=TagsCriterion(all_=list(self.tags)) if self.tags else None,
            work_queue_name=TextCriterion(any_=list(self.queues)) if self.queues else None,
            **self._named(),
        )
        flows = FlowFilter(id=IdCriterion(any_=list(self.flows))) if self.flows else None
        deployments = (
            DeploymentFilter(id=IdCriterion(any_=list(self.deployments))) if self.deployments else None
        )
        return Filters(flow_runs=runs, flows=flows, deployments=deployments)

    def href(self, **changes: Any) -> str:
        """The address of the list with something changed; a change begins at the first page again."""
        return address(replace(self, **{"after": "", "at": 0, **changes}))

    def without(self, name: str, value: str) -> str:
        """The address without one of the values it is narrowed to."""
        return self.href(**{name: tuple(each for each in getattr(self, name) if each != value)})

    def _named(self) -> dict[str, Any]:
        if _uuid(self.q):
            return {"id": IdCriterion(any_=[self.q.lower()])}
        return {"name": NameCriterion(like_=self.q)} if self.q else {}

    def _day(self, text: str) -> datetime | None:
        try:
            day = datetime.fromisoformat(text)
        except ValueError:
            return None
        return day if day.tzinfo else day.replace(tzinfo=viewer.get().zone)


def parse(query: QueryParams) -> RunQuery:
    """The query of an address; the names of older consoles are read too, and nonsense means the default."""
    chosen, sort, at = query.get("range", ""), query.get("sort", ""), query.get("at", "")
    return RunQuery(
        range=chosen if chosen in RANGES else "7d",
        start=query.get("start-date", ""),
        end=query.get("end-date", ""),
        q=query.get("q", "").strip()[:200],
        states=_values(query, "state"),
        flows=_ids(query, "flow"),
        deployments=_ids(query, "deployment"),
        queues=_values(query, "queue"),
        tags=_values(query, "tag"),
        sort=sort if sort in SORTS else "",
        after=query.get("after", "")[:500],
        at=min(int(at), 10**9) if at.isdecimal() and len(at) < 10 else 0,
    )


_KEYS = {
    "range": "range", "start": "start-date", "end": "end-date", "q": "q", "states": "state", "flows": "flow",
    "deployments": "deployment", "queues": "queue", "tags": "tag", "sort": "sort", "after": "after", "at": "at",
}  # fmt: skip


def address(query: RunQuery) -> str:
    """The clean address of a query, relative to the console's root."""
    plain = RunQuery()
    said = {
        key: getattr(query, name)
        for name, key in _KEYS.items()
        if getattr(query, name) != getattr(plain, name)
    }
    return "runs" + (f"?{urlencode(said, doseq=True)}" if said else "")


def _values(query: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:200] for value in query.getlist(name) if value))[:50]


def _ids(query: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(value.lower() for value in _values(query, name) if _uuid(value))


def _state(looks: tuple[str, ...]) -> StateCriterion:
    """Late is a name, everything else a type; late runs are no longer merely scheduled."""
    if looks == ("scheduled",):
        return StateCriterion(
            type=StateTypeCriterion(any_=["SCHEDULED"]), name=NameCriterion(not_any_=["Late"])
        )
    types = [cast(StateType, look.upper()) for look in looks if look != "late"]
    if "CANCELLED" in types:
        types.append("CANCELLING")
    names = NameCriterion(any_=["Late"]) if "late" in looks else None
    return StateCriterion(operator="or_", type=StateTypeCriterion(any_=types) if types else None, name=names)
