"""First floor: memory. `open_store(url)` gives a `Store`; one module a resource holds its reads and writes.

base.py      the seam: Conn, Store, Lane, Role        dialect.py   the few words in which SQL differs
sqlite.py    with writer.py, sqlite_conn.py, lock.py  postgres.py  with listen.py, postgres_conn.py
jobs.py      work on its way through a thread         bus.py       who waits is woken after the commit
migrate.py   migrations/*.sql, backup.py, upkeep.py   rows.py      rows to structs and back; sql/ named SQL
"""

from __future__ import annotations

import logging
from urllib.parse import quote

from orion import settings
from orion.errors import DatabaseError
from orion.store.base import Conn, Lane, Options, Role, Store, Subscription
from orion.store.url import Place, parse

log = logging.getLogger("orion.store")

__all__ = ["Conn", "Lane", "Role", "Store", "Subscription", "open_store"]


def open_store(url: str, *, role: Role = Role.SERVER, address: str = "") -> Store:
    """Open the database at `url`, making it or bringing its schema up to date first.

    A server's `address` (its API's URL) is told to other programs that find the SQLite file taken.
    """
    place, options = parse(url), Options.of(role, address)
    _warn_of_unused_password(url, settings.current().database_password)
    if not settings.current().database_migrate_on_start:
        _refuse_old_schema(url, place)
    if place.dialect == "sqlite":
        from orion.store.sqlite import SqliteStore

        return SqliteStore(place, role=role, options=options)
    from orion.store.postgres import PostgresStore

    return PostgresStore(place, role=role, options=options)


def _warn_of_unused_password(url: str, password: str | None) -> None:
    if password and quote(password, safe="") not in url:
        log.warning(
            "ORION_DATABASE_PASSWORD is set, but the database URL has no ${ORION_DATABASE_PASSWORD} in it."
        )


def _refuse_old_schema(url: str, place: Place) -> None:
    from orion.store import upkeep

    if not place.in_memory and upkeep.pending(url):
        raise DatabaseError(
            f"The schema of {place} is behind, and ORION_DATABASE_MIGRATE_ON_START is false. "
            "Bring it up to date: orion database upgrade"
        )
