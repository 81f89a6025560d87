"""First floor: memory. `open_store(url)` gives a `Store`; one module a resource holds its reads and writes."""

from __future__ import annotations

from orion.store.base import Conn, Lane, Role, Store

__all__ = ["Conn", "Lane", "Role", "Store", "open_store"]


def open_store(url: str, *, role: Role = Role.SERVER) -> Store:
    """Open the database at `url`, making it or bringing its schema up to date first."""
    from orion.store.url import parse

    where = parse(url)
    if where.dialect == "sqlite":
        from orion.store.sqlite import SqliteStore

        return SqliteStore(where, role=role)
    from orion.store.postgres import PostgresStore

    return PostgresStore(where, role=role)
