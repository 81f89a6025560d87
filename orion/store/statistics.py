"""Statistics: how big a database is, what fills it, and what could be given back to the disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orion.store import migrate

if TYPE_CHECKING:
    import psycopg

SIZES = """
SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name
WHERE s.aggregate = TRUE GROUP BY m.tbl_name
"""


class TableSize(Struct):
    """A table: its rows, and its bytes with those of its indexes where the database tells them."""

    name: str
    rows: int
    bytes: int | None = None


class Statistics(Struct, kw_only=True):
    """A database: `free` bytes are inside the file and unused, `journal` ones wait beside it."""

    database: str
    schema_version: int
    bytes: int
    free: int | None = None
    journal: int | None = None
    tables: list[TableSize]


def of_sqlite(raw: sqlite3.Connection, path: Path) -> Statistics:
    """The statistics of a file that may be in use."""
    sizes = _sizes(raw)
    names = [
        name
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        if not name.startswith("sqlite_")
    ]
    tables = [TableSize(name, _rows(raw, name), sizes.get(name)) for name in names]
    wal = path.with_name(f"{path.name}-wal")
    return Statistics(
        database=str(path),
        schema_version=migrate.sqlite_version(raw, path),
        bytes=path.stat().st_size,
        free=_pragma(raw, "freelist_count") * _pragma(raw, "page_size"),
        journal=wal.stat().st_size if wal.exists() else 0,
        tables=tables,
    )


def of_postgres(raw: psycopg.Connection[Any], database: str) -> Statistics:
    """The statistics of a database that may be in use."""
    found = raw.execute(
        "SELECT tablename, pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)"
        " FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    ).fetchall()
    tables = [TableSize(name, _rows(raw, name), int(size)) for name, size in found]
    whole = raw.execute("SELECT pg_database_size(current_database())").fetchone()
    return Statistics(
        database=database,
        schema_version=migrate.postgres_version(raw),
        bytes=int(whole[0]) if whole else 0,
        tables=tables,
    )


def _rows(raw: Any, table: str) -> int:
    return int(raw.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def _sizes(raw: sqlite3.Connection) -> dict[str, int]:
    """Bytes by table; not every SQLite is built so that it can tell."""
    try:
        return dict(raw.execute(SIZES).fetchall())
    except sqlite3.OperationalError:
        return {}


def _pragma(raw: sqlite3.Connection, name: str) -> int:
    return int(raw.execute(f"PRAGMA {name}").fetchone()[0])
