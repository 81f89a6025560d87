"""Copies of a PostgreSQL database: every table as COPY writes it, in one zip file, and back in one transaction.

No program of PostgreSQL's own is needed. A copy of an older schema is put back as it was and then brought up to date.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orion.errors import DatabaseError, NotFound
from orion.store import migrate

if TYPE_CHECKING:
    import psycopg

    Raw = psycopg.Connection[Any]

ABOUT = "orion.json"
LEFT_OUT = ("schema_version", "orion_clock")  # the steps of the schema, and the queue of the clock
CHUNK = 1 << 20


def make(raw: Raw, target: Path) -> Path:
    """Copy a database as it is at one moment, while others go on; the copy is whole or is not there."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        _write(raw, packed)
    unfinished.replace(target)
    return target


def restore(raw: Raw, copy: Path) -> None:
    """Put a copy in the place of all tables, or leave everything as it is. `raw` holds the only session."""
    with _opened(copy) as packed:
        about = json.loads(packed.read(ABOUT))
        if about["version"] > migrate.latest("postgres"):
            raise migrate.from_future(str(copy), about["version"], migrate.latest("postgres"))
        with raw.transaction():
            drop(raw)
            migrate.postgres(raw, until=about["version"])
            with _loosened(raw, list(about["tables"])):
                for table, columns in about["tables"].items():
                    _fill(raw, packed, table, columns)
    migrate.postgres(raw)


def drop(raw: Raw) -> None:
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


def faults(raw: Raw) -> list[str]:
    """What PostgreSQL knows to be wrong: indexes and constraints that do not hold, tables that cannot be read."""
    odd = raw.execute(
        "SELECT 'the index ' || indexrelid::regclass::text || ' is not valid: REINDEX it' FROM pg_index"
        " JOIN pg_class ON oid = indexrelid WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
        " UNION ALL SELECT 'the constraint ' || conname || ' was never checked' FROM pg_constraint"
        " WHERE NOT convalidated AND connamespace = current_schema()::regnamespace"
    ).fetchall()
    return [row[0] for row in odd] + [fault for table in _tables(raw) if (fault := _unreadable(raw, table))]


def _unreadable(raw: Raw, table: str) -> str | None:
    import psycopg

    try:
        raw.execute(f"SELECT count(t::text) FROM {_quoted(table)} t".encode())
    except psycopg.Error as error:
        return f"the table {table} cannot be read: {' '.join(str(error).split())}"
    return None


def _write(raw: Raw, packed: zipfile.ZipFile) -> None:
    with raw.transaction():
        raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = _tables(raw)
        packed.writestr(ABOUT, json.dumps({"version": migrate.postgres_version(raw), "tables": tables}))
        for table, columns in tables.items():
            with packed.open(f"{table}.copy", "w", force_zip64=True) as out, raw.cursor() as cursor:
                with cursor.copy(f"COPY {table} ({_listed(columns)}) TO STDOUT".encode()) as rows:
                    for block in rows:
                        out.write(block)


def _fill(raw: Raw, packed: zipfile.ZipFile, table: str, columns: list[str]) -> None:
    raw.execute(f"TRUNCATE {_quoted(table)}".encode())
    with packed.open(f"{table}.copy") as rows, raw.cursor() as cursor:
        with cursor.copy(f"COPY {_quoted(table)} ({_listed(columns)}) FROM STDIN".encode()) as into:
            while block := rows.read(CHUNK):
                into.write(block)


def _tables(raw: Raw) -> dict[str, list[str]]:
    rows = raw.execute(
        "SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables"
        " ON tablename = table_name AND schemaname = table_schema"
        " WHERE table_schema = current_schema() AND is_generated = 'NEVER' ORDER BY table_name, ordinal_position"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        if not table.startswith(LEFT_OUT):
            found.setdefault(table, []).append(column)
    return found


@contextmanager
def _loosened(raw: Raw, tables: list[str]) -> Iterator[None]:
    """Take references and triggers off while tables are filled one by one; putting them back checks every row."""
    keys = raw.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    ).fetchall()
    for table, name, _ in keys:
        raw.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    for table in tables:
        raw.execute(f"ALTER TABLE {_quoted(table)} DISABLE TRIGGER USER".encode())
    yield
    for table, name, text in keys:
        raw.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}".encode())
    for table in tables:
        raw.execute(f"ALTER TABLE {_quoted(table)} ENABLE TRIGGER USER".encode())


@contextmanager
def _opened(copy: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(copy) as packed:
            if ABOUT not in packed.namelist():
                raise zipfile.BadZipFile
            yield packed
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"There is no backup {copy}.") from None
    except zipfile.BadZipFile:
        raise DatabaseError(f"{copy} is no backup of a PostgreSQL database by orion.") from None


def _listed(columns: list[str]) -> str:
    return ", ".join(map(_quoted, columns))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
