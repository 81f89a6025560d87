"""Lists: sorts as ORDER BY, pages by offset for the wire, pages by key for the console, counts."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from orion.errors import Invalid
from orion.model.times import iso
from orion.store.base import Conn, Row
from orion.store.filters import Where
from orion.store.rows import json_text


class Sort(NamedTuple):
    """What a list is ordered by; rows that are equal in it are ordered by `then` and id, in the same direction.

    A list with `then` has pages by offset only. NULL counts as smallest (SQLite's habit, and that of the indexes),
    unless `nulls_last`.
    """

    by: str
    descending: bool = False
    nullable: bool = False
    nulls_last: bool = False
    then: str | None = None

    @property
    def direction(self) -> str:
        return "DESC" if self.descending else "ASC"

    @property
    def nulls_at_end(self) -> bool:
        return self.nulls_last or self.descending

    def order(self, table: str) -> str:
        """The ORDER BY terms."""
        nulls = f" NULLS {'LAST' if self.nulls_at_end else 'FIRST'}" if self.nullable else ""
        tie = "" if self.by == f"{table}.id" else f", {table}.id {self.direction}"
        then = f", {self.then} {self.direction}" if self.then else ""
        return f"{self.by} {self.direction}{nulls}{then}{tie}"


class Listing(NamedTuple):
    """How rows of a table are listed: the columns and joins of one row, and the sorts (the first is the default)."""

    table: str
    columns: str
    joins: str
    sorts: dict[str, Sort]

    def sort(self, name: str | None) -> Sort:
        return self.sorts[name] if name is not None else next(iter(self.sorts.values()))


def rows(
    conn: Conn, listing: Listing, where: Where, sort: str | None, limit: int, offset: int = 0
) -> list[Row]:
    """The rows of one page by offset."""
    chosen = listing.sort(sort)
    first, *second = _parts(conn, listing.table, chosen, None)
    valued = Where(f"{where.text} AND {first.text}", where.params)
    found = _ids(conn, listing, chosen, valued, limit, offset)
    if second and len(found) < limit:
        rest = Where(f"{where.text} AND {second[0].text}", where.params)
        skipped = offset if found or not offset else _count_in_order(conn, listing.table, chosen, valued, offset)
        found += _ids(conn, listing, chosen, rest, limit - len(found), offset - skipped)
    return fetch(conn, listing, [row[0] for row in found])


def _count_in_order(conn: Conn, table: str, sort: Sort, where: Where, most: int) -> int:
    """How many rows a list has, at most so many, counted along the index of its order."""
    ordered = f"SELECT 1 FROM {table} WHERE {where.text} ORDER BY {sort.order(table)} LIMIT :most"
    return int(scalar(conn, f"SELECT count(*) FROM ({ordered}) AS rows", {**where.params, "most": most}) or 0)


def count(conn: Conn, table: str, where: Where) -> int:
    """How many rows there are: from the counters when nothing is asked of them."""
    if where.text == "TRUE" and table in COUNTED:
        found = conn.one(COUNTER, {"name": table})
    else:
        found = conn.one(f"SELECT count(*) FROM {table} WHERE {where.text}", where.params)
    return int(found[0] or 0) if found else 0


def count_upto(conn: Conn, table: str, where: Where, most: int) -> int:
    """How many rows there are, or `most` when there are that many or more: counting stops there."""
    text = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where.text} LIMIT :most) AS first_ones"
    return int(scalar(conn, text, {**where.params, "most": most}) or 0)


COUNTED = frozenset(("flow_run", "task_run"))
COUNTER = "SELECT sum(n) FROM counter WHERE name = :name"


def page(
    conn: Conn, listing: Listing, where: Where, sort: str | None, limit: int, after: str | None
) -> tuple[list[Row], str | None]:
    """The rows that come after a key (of the page before), and the key of the next page if there is one."""
    chosen = listing.sort(sort)
    found: list[Row] = []
    for part in _parts(conn, listing.table, chosen, None if after is None else _read_key(after, chosen)):
        if len(found) <= limit:
            condition = Where(f"{where.text} AND {part.text}", {**where.params, **part.params})
            found += _ids(conn, listing, chosen, condition, limit + 1 - len(found), 0)
    more = limit > 0 and len(found) > limit
    rows = fetch(conn, listing, [row[0] for row in found[:limit]])
    return rows, _key(conn, chosen, found[limit - 1]) if more else None


def _ids(conn: Conn, listing: Listing, sort: Sort, where: Where, limit: int, offset: int) -> list[Row]:
    """The ids of a page with the values it is sorted by: an index alone can tell them, where there is one."""
    table = listing.table
    text = (
        f"SELECT {table}.id, {sort.by} FROM {table} WHERE {where.text} "
        f"ORDER BY {sort.order(table)} LIMIT :limit OFFSET :offset"
    )
    return conn.all(text, {**where.params, "limit": limit, "offset": offset})


def fetch(conn: Conn, listing: Listing, ids: list[str]) -> list[Row]:
    """The rows of some ids, in their order; one that was deleted meanwhile is left out."""
    table = listing.table
    text = f"SELECT {listing.columns} FROM {table} {listing.joins} WHERE {table}.id {{among:page}}"
    found = {row[0]: row for row in conn.all(text, {"page": json_text(ids)})} if ids else {}
    return [found[id] for id in ids if id in found]


def _parts(conn: Conn, table: str, sort: Sort, key: tuple[Any, str] | None) -> list[Where]:
    """The stretches of a list after a key, in order: rows with a value and, where it can be NULL, those without."""
    beyond = "<" if sort.descending else ">"
    none = Where(f"{sort.by} IS NULL", {})
    if key is None:
        return (
            _in_order(sort, Where(f"{sort.by} IS NOT NULL", {}), none)
            if sort.nullable
            else [Where("TRUE", {})]
        )
    value, last = key
    if sort.by == f"{table}.id":
        return [Where(f"{table}.id {beyond} :last", {"last": last})]
    if value is None:
        rest = Where(f"{sort.by} IS NULL AND {table}.id {beyond} :last", {"last": last})
        return [rest] if sort.nulls_at_end else [rest, Where(f"{sort.by} IS NOT NULL", {})]
    bound = conn.time(value) if isinstance(value, datetime) else value
    rest = Where(f"({sort.by}, {table}.id) {beyond} (:value, :last)", {"value": bound, "last": last})
    return [rest, none] if sort.nullable and sort.nulls_at_end else [rest]


def _in_order(sort: Sort, valued: Where, none: Where) -> list[Where]:
    return [valued, none] if sort.nulls_at_end else [none, valued]


def _key(conn: Conn, sort: Sort, row: Row) -> str:
    id, value = row
    return key(sort, conn.when(value) if isinstance(value, datetime | int) else value, id)


def key(sort: Sort, value: Any, id: str) -> str:
    """The key of a row: what it is sorted by, its value (a moment as ISO text) and its id."""
    said = {"at": iso(value)} if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(msgspec.json.encode([sort.by, said, id])).decode().rstrip("=")


def _read_key(text: str, sort: Sort) -> tuple[Any, str]:
    try:
        by, value, id = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(value, dict):
            value = datetime.fromisoformat(value["at"])
        if by != sort.by or not isinstance(id, str) or not isinstance(value, str | datetime | None):
            raise ValueError(text)
    except (ValueError, TypeError, KeyError, msgspec.DecodeError):
        raise Invalid(f"{text[:80]!r} is not the key of a page: start again from the first page.") from None
    return value, id


def scalar(conn: Conn, statement: str, params: dict[str, Any]) -> Any:
    """The first column of the first row; None when there is no row."""
    row = conn.one(statement, params)
    return None if row is None else row[0]
