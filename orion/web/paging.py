"""Limits, offsets, pages and intervals of lists: the same for every resource."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from orion.errors import Invalid
from orion.model.filters import HistoryQuery
from orion.model.times import as_utc
from orion.web.call import Call, Reply

MOST_INTERVALS = 10_000


class Listed(Protocol):
    """A store module with a list: `filter` and `count`."""

    @property
    def filter(self) -> Any: ...
    @property
    def count(self) -> Any: ...


def window(call: Call) -> tuple[int, int]:
    """Limit and offset of the body: null is the default, more than the setting allows is refused."""
    most: int = call.settings.api_default_limit
    limit = call.body.limit
    if limit is not None and limit > most:
        message = f"ensure this value is less than or equal to {most}"
        raise Invalid(
            detail=[{"loc": ["body", "limit"], "msg": message, "type": "value_error.number.not_le"}]
        )
    return most if limit is None else limit, call.body.offset or 0


async def rows(call: Call, module: Listed, **more: Any) -> Reply:
    """The rows of a `filter` route; without a sort in the resource's usual order."""
    limit, offset = window(call)
    return Reply(await call.store.read(module.filter, call.body, call.body.sort, limit, offset, **more))


async def page(call: Call, module: Listed, **more: Any) -> Reply:
    """The answer of a `paginate` route; pages count from 1."""
    limit, _ = window(call)
    number = call.body.page or 1
    offset = min(limit * (number - 1), 2**62)
    found, count = await call.store.read(_page, module, call.body, limit, offset, **more)
    pages = -(-count // limit) if limit else 0
    return Reply({"results": found, "count": count, "limit": limit, "pages": pages, "page": number})


def _page(
    conn: Any, module: Listed, body: Any, limit: int, offset: int, **more: Any
) -> tuple[list[Any], int]:
    return module.filter(conn, body, body.sort, limit, offset, **more), module.count(conn, body)


def intervals(query: HistoryQuery) -> tuple[HistoryQuery, datetime, datetime, float]:
    """Filters, start, end and interval in seconds; an end before the start or too many intervals are refused."""
    start, end = as_utc(query.history_start), as_utc(query.history_end)
    buckets = (end - start).total_seconds() / query.history_interval_seconds
    if buckets < 0 or buckets > MOST_INTERVALS:
        wide = f"from history_start in steps of history_interval_seconds it is more than {MOST_INTERVALS} intervals"
        reason = "history_end is before history_start" if buckets < 0 else wide
        raise Invalid(detail=[{"loc": ["body", "history_end"], "msg": reason, "type": "value_error"}])
    return query, start, end, query.history_interval_seconds
