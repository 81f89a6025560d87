"""Saved searches: made or replaced by name."""

from __future__ import annotations

from datetime import datetime

from orion.errors import Conflict, NotFound
from orion.model.ids import new_id
from orion.model.saved_searches import SavedSearch, SavedSearchCreate
from orion.store import changes, paging
from orion.store.base import Conn
from orion.store.filters import Where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

SEARCH = Rows(SavedSearch, "saved_search")
LISTING = Listing("saved_search", SEARCH.columns, "", {"NAME_ASC": Sort("saved_search.name")})
REPLACE = (
    f"{SEARCH.insert} ON CONFLICT (name) DO UPDATE SET filters = excluded.filters, updated = excluded.updated"
)
BY_NAME = f"SELECT {SEARCH.columns} FROM saved_search WHERE name = :name"
GET = f"SELECT {SEARCH.columns} FROM saved_search WHERE id = :id"


def upsert(conn: Conn, wanted: SavedSearchCreate, now: datetime) -> tuple[SavedSearch, bool]:
    """Make a search, or replace the filters of the one of this name; and whether it is new."""
    created = by_name(conn, wanted.name) is None
    fresh = SavedSearch(id=new_id(), created=now, updated=now, name=wanted.name, filters=wanted.filters)
    conn.run(REPLACE, SEARCH.values(conn, fresh))
    found = by_name(conn, wanted.name)
    assert found is not None
    return found, created


def get(conn: Conn, id: str) -> SavedSearch | None:
    row = conn.one(GET, {"id": id})
    return SEARCH.read(conn, row) if row else None


def by_name(conn: Conn, name: str) -> SavedSearch | None:
    row = conn.one(BY_NAME, {"name": name})
    return SEARCH.read(conn, row) if row else None


def filter(conn: Conn, limit: int, offset: int = 0) -> list[SavedSearch]:
    """All searches, by name."""
    return SEARCH.read_all(conn, paging.rows(conn, LISTING, Where("TRUE", {}), None, limit, offset))


def rename(conn: Conn, id: str, name: str, now: datetime) -> None:
    """Give a search another name; one that is taken is refused."""
    other = by_name(conn, name)
    if other is not None and other.id != id:
        raise Conflict(f"A saved search named {name!r} exists already.")
    if not changes.apply(conn, "saved_search", id, {"name": name}, now):
        raise NotFound("Saved search not found")


def delete(conn: Conn, id: str) -> None:
    if not conn.run("DELETE FROM saved_search WHERE id = :id", {"id": id}):
        raise NotFound("Saved search not found")
