"""Carry the rows of a SQLite database over to a fresh PostgreSQL database, then index and analyze it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

AT_ONCE = 2_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWN_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version'"


def carry(path: Path, url: str) -> None:
    """Every table of the file at `path`, to the database at `url` that has the same schema and no rows."""
    with closing(sqlite3.connect(path)) as source, psycopg.connect(url, autocommit=True) as target:
        target.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
        indexes = target.execute(OWN_INDEXES).fetchall()
        for name, _ in indexes:
            target.execute(f"DROP INDEX {name}".encode())
        for (table,) in target.execute(TABLES).fetchall():
            _table(source, target, table)
        for _, text in indexes:
            target.execute(text.encode())
        target.execute("VACUUM (ANALYZE)")


def _table(source: sqlite3.Connection, target: psycopg.Connection[Any], table: str) -> None:
    columns = target.execute(COLUMNS, (table,)).fetchall()
    names = ", ".join(name for name, _ in columns)
    as_is: Callable[[Any], Any] = _same
    change = [READERS.get(kind, as_is) for _, kind in columns]
    rows = source.execute(f"SELECT {names} FROM {table}")
    with target.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copy:
        while some := rows.fetchmany(AT_ONCE):
            for row in some:
                copy.write_row([read(value) for read, value in zip(change, row, strict=True)])


def _same(value: Any) -> Any:
    return value


def _moment(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(microseconds=value)


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


READERS: dict[str, Callable[[Any], Any]] = {"timestamp with time zone": _moment, "boolean": _truth}
