"""Bring a database's schema up to date: numbered steps, forward only, each committed together with its number.

SQLite keeps the number in `PRAGMA user_version`, PostgreSQL in the table `schema_version`. A database that is newer
than this orion, damaged, or not orion's is refused and left as it is; a SQLite file is copied before an upgrade.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any

from orion.errors import Busy, DatabaseCorrupt, DatabaseError, DatabaseFromFuture
from orion.store import backup
from orion.store.base import Options
from orion.store.crash_points import crash_point
from orion.store.dialect import Dialect, words
from orion.store.lock import turn
from orion.store.sqlite_conn import DAMAGED, HELD, connect

if TYPE_CHECKING:
    import psycopg

ADVISORY_LOCK = 0x6F72696F6E  # "orion": one server migrates, the others wait
OLDEST_POSTGRES = 140_000
LEAST_FREE = 64 * 1024  # bytes that a file's companions need to be made
CHECK_AT_MOST = 256 * 1024 * 1024  # bytes of a file that is checked whole after an unclean end

_FILE = re.compile(r"(\d{4})_(\w+?)(?:\.(sqlite|postgres))?\.sql")


@dataclass(frozen=True)
class Step:
    """One step of the schema's history."""

    number: int
    name: str
    text: str


@cache
def steps(dialect: Dialect) -> tuple[Step, ...]:
    """Every step, in order."""
    return tuple(sorted(_steps(dialect), key=lambda step: step.number))


def latest(dialect: Dialect) -> int:
    """The version of the schema that this orion speaks."""
    return steps(dialect)[-1].number


def sqlite(path: Path, options: Options, *, check: bool = False, until: int | None = None) -> int:
    """Upgrade a SQLite file to the latest schema, or an older one; returns how many steps were taken."""
    wanted = latest("sqlite") if until is None else until
    try:
        with closing(connect(path, busy=options.busy)) as raw:
            version = sqlite_version(raw, path)
            if check and path.stat().st_size <= CHECK_AT_MOST:
                _check(raw, path)
            _write_ahead(raw, options.busy)
            if version >= wanted:
                return 0
            with turn(path, options.busy):  # who comes while another upgrades copies no half-made schema
                return _upgrade(raw, path, sqlite_version(raw, path), wanted)
    except sqlite3.OperationalError as error:
        raise _refusal(error, path) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _corrupt(path, str(error)) from error


def sqlite_version(raw: sqlite3.Connection, path: Path) -> int:
    """The schema version of a file that orion can use; refuses the others."""
    raw.execute("BEGIN")  # one snapshot: another process may be making the schema
    version = int(raw.execute("PRAGMA user_version").fetchone()[0])
    tables = raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    raw.execute("ROLLBACK")
    if version > latest("sqlite"):
        raise from_future(str(path), version, latest("sqlite"))
    if version == 0 and tables:
        raise DatabaseError(
            f"{path} is a SQLite database, but not orion's. Name another file in ORION_DATABASE_URL."
        )
    return version


def postgres(raw: psycopg.Connection, *, until: int | None = None) -> int:
    """Upgrade a PostgreSQL database to the latest schema, or an older one; `raw` is in autocommit. The steps taken."""
    if raw.info.server_version < OLDEST_POSTGRES:
        raise DatabaseError(
            f"orion needs PostgreSQL 14 or newer, but this is {raw.info.server_version // 10_000}."
        )
    if postgres_version(raw) == latest("postgres"):
        return 0
    raw.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
    try:
        version = postgres_version(raw)
        wanted = latest("postgres") if until is None else until
        pending = [step for step in steps("postgres") if version < step.number <= wanted]
        for step in pending:
            _take(raw, step)
        return len(pending)
    finally:
        raw.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))


def postgres_version(raw: psycopg.Connection) -> int:
    """The schema version of a PostgreSQL database; refuses one from the future."""
    known = raw.execute("SELECT to_regclass('schema_version')").fetchone()
    if known is None or known[0] is None:
        return 0
    row = raw.execute("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetchone()
    version = int(row[0]) if row else 0
    if version > latest("postgres"):
        raise from_future(f"database {raw.info.dbname!r} on {raw.info.host}", version, latest("postgres"))
    return version


def from_future(where: str, version: int, known: int) -> DatabaseFromFuture:
    """The refusal of a database that a newer orion wrote."""
    return DatabaseFromFuture(
        f"{where} was written by a newer orion (schema {version}, this one knows {known}). "
        "Upgrade orion, or name another database in ORION_DATABASE_URL. Nothing was changed."
    )


def _steps(dialect: Dialect) -> Iterator[Step]:
    for file in files("orion.store.migrations").iterdir():
        found = _FILE.fullmatch(file.name)
        if found and found[3] in (None, dialect):
            yield Step(int(found[1]), found[2], words(file.read_text(encoding="utf-8"), dialect))


def _write_ahead(raw: sqlite3.Connection, patience: float) -> None:
    """Switch the journal; SQLite does not wait by itself when two processes switch a new file at once."""
    until = time.monotonic() + patience
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in HELD or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _upgrade(raw: sqlite3.Connection, path: Path, version: int, wanted: int) -> int:
    """Take what is pending. A new file needs no more than plain statements; an old one is copied first."""
    pending = [step for step in steps("sqlite") if version < step.number <= wanted]
    if not version or not pending:
        return sum(_step(raw, raw.execute, step) for step in pending)
    import sqlite_utils

    backup.make(raw, path, label=f"schema-{version}")
    database = sqlite_utils.Database(raw)
    return sum(_step(raw, database.execute, step) for step in pending)


def _step(raw: sqlite3.Connection, execute: Callable[[str], Any], step: Step) -> bool:
    """Take one step unless another process has; the step and its number are committed together."""
    raw.execute("BEGIN EXCLUSIVE")
    try:
        if raw.execute("PRAGMA user_version").fetchone()[0] >= step.number:
            raw.execute("ROLLBACK")
            return False
        for statement in _statements(step.text):
            execute(statement)
        crash_point("migration-step")
        raw.execute(f"PRAGMA user_version = {step.number}")
        raw.execute("COMMIT")
        return True
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise


def _statements(text: str) -> Iterator[str]:
    """The statements of a text, a trigger's body included."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _take(raw: psycopg.Connection, step: Step) -> None:
    with raw.transaction():
        raw.execute(
            "CREATE TABLE IF NOT EXISTS schema_version "
            "(version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied TIMESTAMPTZ NOT NULL DEFAULT now())"
        )
        raw.execute(step.text.encode())
        crash_point("migration-step")
        raw.execute("INSERT INTO schema_version (version, name) VALUES (%s, %s)", (step.number, step.name))


def _check(raw: sqlite3.Connection, path: Path) -> None:
    said = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise _corrupt(path, said)


def _corrupt(path: Path, what: str) -> DatabaseCorrupt:
    copy = backup.newest(path)
    remedy = (
        f"The last backup is {copy}; put it back with: orion database restore {copy}"
        if copy
        else ("There is no backup beside it; move the file away, and orion makes a new one.")
    )
    return DatabaseCorrupt(f"{path} is damaged or no SQLite database ({what}). {remedy}")


def _refusal(error: sqlite3.OperationalError, path: Path) -> Exception:
    code = error.sqlite_errorcode & 0xFF
    if code in HELD:
        return Busy(f"{path} is held by another process; try again in a moment.")
    if code in DAMAGED:
        return _corrupt(path, str(error))
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) and disk_usage(path.parent).free < LEAST_FREE:
        return DatabaseError(f"{path} cannot be opened: its disk is full. Make room there, then try again.")
    return DatabaseError(f"{path} cannot be opened: {error}.")
