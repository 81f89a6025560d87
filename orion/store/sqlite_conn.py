"""A SQLite connection: how it is opened, how statements run with a time limit, and what its errors mean."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from orion import errors
from orion.model.times import from_micros, to_micros
from orion.store.base import NONE, Conn, Params, Row
from orion.store.dialect import translate

LOOK_EVERY = 20_000  # steps of SQLite's machine between two looks at the clock: about a millisecond
PREPARED = 512
LOG_BYTES = 140_000_000  # to which the log's file is cut when it starts anew; that of a server alone stays below
FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
TOO_LONG = ("Expression tree is too large", "too many SQL variables", "parser stack overflow")
UNREADABLE = "Could not decode to UTF-8"

echo = logging.getLogger("orion.store.sql")


def connect(path: Path, *, busy: float, log_pages: int | None = None) -> sqlite3.Connection:
    """A connection that begins no transaction by itself and may move between threads.

    A commit of its makes a checkpoint once the log has `log_pages` pages; never with 0.
    """
    raw = sqlite3.connect(
        path, timeout=busy, isolation_level=None, check_same_thread=False, cached_statements=PREPARED
    )
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    if log_pages is not None:
        raw.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
    return raw


class SqliteConn(Conn):
    """See `Conn`. Errors are those of `orion.errors`; `reading` says which kind a slow statement gives."""

    dialect = "sqlite"

    def __init__(self, raw: sqlite3.Connection, *, limit: float, reading: bool, log: bool = False) -> None:
        self.raw = raw
        self.topics: set[str] = set()
        self._limit = limit
        self._reading = reading
        self._deadline = float("inf")
        raw.set_progress_handler(self._look, LOOK_EVERY)
        if log:
            raw.set_trace_callback(echo.info)

    def all(self, sql: str, params: Params = NONE) -> list[Row]:
        try:
            return self._execute(sql, params).fetchall()
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self.explain(error) from error

    def one(self, sql: str, params: Params = NONE) -> Row | None:
        try:
            return self._execute(sql, params).fetchone()
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self.explain(error) from error

    def run(self, sql: str, params: Params = NONE) -> int:
        try:
            return self._execute(sql, params).rowcount
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self.explain(error) from error

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        self._deadline = time.monotonic() + self._limit
        try:
            self.raw.executemany(translate(sql, "sqlite"), rows)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self.explain(error) from error

    def publish(self, topic: str) -> None:
        self.topics.add(topic)

    def time(self, moment: datetime | None) -> int | None:
        return None if moment is None else to_micros(moment)

    def when(self, value: Any) -> datetime | None:
        return None if value is None else from_micros(value)

    def explain(self, error: Exception) -> Exception:
        """The error of orion's that a database error means."""
        if isinstance(error, sqlite3.Error):
            return explain(error, reading=self._reading)
        if isinstance(error, OverflowError):
            return errors.Invalid("A number is too large to be kept.")
        if isinstance(error, UnicodeEncodeError):
            return errors.Invalid("A text holds characters that cannot be kept (half of a surrogate pair).")
        return error

    def _execute(self, sql: str, params: Params) -> sqlite3.Cursor:
        self._deadline = time.monotonic() + self._limit
        return self.raw.execute(translate(sql, "sqlite"), params)

    def _look(self) -> int:
        return time.monotonic() > self._deadline


def explain(error: sqlite3.Error, *, reading: bool = False) -> Exception:
    """The error of orion's that an error of SQLite's means; an unknown one stays as it is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in HELD:
        return errors.Busy("The database is held by another process; try again in a moment.")
    if code in FULL:
        return errors.StorageFull()
    if code == sqlite3.SQLITE_INTERRUPT:
        return too_slow(reading)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return _constraint(error)
    if code == sqlite3.SQLITE_TOOBIG:
        return errors.TooLarge("A value is too large to be kept.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return errors.Busy(f"The database cannot be written: {error}")
    if str(error).startswith(TOO_LONG):
        return errors.Invalid("The filter is too long: name fewer things in one request.")
    if code in DAMAGED or UNREADABLE in str(error):
        return errors.DatabaseCorrupt(f"The database file is damaged ({error}).")
    return error


def too_slow(reading: bool) -> errors.QueryTooSlow:
    """A statement over its time: the reader's fault (422), the server's when it wrote (503)."""
    error = errors.QueryTooSlow(None if reading else "The write took too long; try again in a moment.")
    if reading:
        error.status = 422
    return error


def _constraint(error: sqlite3.Error) -> Exception:
    match getattr(error, "sqlite_errorcode", 0):
        case sqlite3.SQLITE_CONSTRAINT_UNIQUE | sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
            return errors.Conflict("It exists already.")
        case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            return errors.Conflict("Something that it refers to does not exist.")
        case sqlite3.SQLITE_CONSTRAINT_NOTNULL | sqlite3.SQLITE_CONSTRAINT_CHECK:
            return errors.Invalid("A value is missing or not allowed.")
        case _:
            return error


def private(path: Path) -> None:
    """Make the folder (0700) and the file (0600) for nobody else to read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
