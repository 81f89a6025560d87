"""What people do to a whole database: reset, upgrade, put the backup back, check. No server may own it meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orion.errors import DatabaseCorrupt, DatabaseError
from orion.store import backup, migrate
from orion.store.base import Options, Role
from orion.store.lock import Ownership
from orion.store.sqlite_conn import connect, private
from orion.store.url import Place, parse

if TYPE_CHECKING:
    import psycopg


def reset(url: str) -> None:
    """Drop everything and make an empty database of the latest schema."""
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            _drop(raw)
            migrate.postgres(raw)
        return
    with _owned(place) as path:
        backup.forget(path)
        migrate.sqlite(path, Options.of(Role.SERVER))


def pending(url: str) -> list[migrate.Step]:
    """The steps that an upgrade would take, in order."""
    place = parse(url)
    version = _version(place)
    return [step for step in migrate.steps(place.dialect) if step.number > version]


def upgrade(url: str) -> Path | None:
    """Bring the schema up to date; answers the backup of what was there before, where one was made."""
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            migrate.postgres(raw)
        return None
    with _owned(place) as path:
        before = backup.newest(path)
        migrate.sqlite(path, Options.of(Role.SERVER))
        after = backup.newest(path)
    return after if after != before else None


def restore(url: str, copy: Path | None = None) -> Path:
    """Put a backup (the newest, if none is named) in the place of the database."""
    return backup.restore(_file(parse(url)), copy)


def back_up(url: str) -> Path:
    """Copy a SQLite database, also while a server has it open."""
    with _open(_existing(parse(url))) as raw:
        return backup.make(raw, _existing(parse(url)), label="manual")


def check(url: str) -> list[str]:
    """Every fault found: damaged pages, broken references, a schema that is behind."""
    place = parse(url)
    behind = [
        f"the schema is behind by the step {step.name!r}: orion database upgrade" for step in pending(url)
    ]
    if place.dialect == "postgres":
        return behind
    with _open(_existing(place)) as raw:
        damaged = [row[0] for row in raw.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        broken = [
            f"a row of {row[0]} refers to a missing {row[2]}"
            for row in raw.execute("PRAGMA foreign_key_check")
        ]
    return [*damaged, *broken, *behind]


def _version(place: Place) -> int:
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            return migrate.postgres_version(raw)
    path = _file(place)
    if not path.exists():
        return 0
    with _open(path) as raw:
        return migrate.sqlite_version(raw, path)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, busy=Options.of(Role.EPHEMERAL).busy)) as raw:
        try:
            yield raw
        except sqlite3.DatabaseError as error:
            raise DatabaseCorrupt(f"{path} is damaged or no SQLite database ({error}).") from None


def _file(place: Place) -> Path:
    if place.dialect == "postgres":
        raise DatabaseError("orion keeps no backups of PostgreSQL; use pg_dump and pg_restore.")
    if place.path is None:
        raise DatabaseError("A database in memory has no file.")
    return place.path


def _existing(place: Place) -> Path:
    path = _file(place)
    if not path.exists():
        raise DatabaseError(f"There is no database {path}. Make it: orion database upgrade")
    return path


@contextmanager
def _owned(place: Place) -> Iterator[Path]:
    """The file of a place, held as a server holds it: refused while a server has it."""
    path = _file(place)
    private(path)
    owned = Ownership(path)
    try:
        yield path
    finally:
        owned.release()


@contextmanager
def _postgres(place: Place) -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    try:
        with psycopg.connect(place.url, autocommit=True, connect_timeout=10) as raw:
            yield raw
    except psycopg.OperationalError as error:
        raise DatabaseError(f"{place} cannot be reached: {' '.join(str(error).split())}") from None


def _drop(raw: psycopg.Connection[Any]) -> None:
    """Drop the tables and functions of the current schema; what other programs keep elsewhere stays."""
    tables = raw.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall()
    functions = raw.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
    ).fetchall()
    with raw.transaction():
        for (table,) in tables:
            raw.execute(f"DROP TABLE IF EXISTS {table} CASCADE".encode())
        for (function,) in functions:
            raw.execute(f"DROP FUNCTION IF EXISTS {function} CASCADE".encode())
