"""A PostgreSQL connection: how statements run on it, and what its errors mean."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.adapt import Loader
from psycopg.types.string import TextLoader

from orion import errors
from orion.model.times import as_utc, whole
from orion.store.base import NONE, Conn, Params, Row
from orion.store.dialect import translate
from orion.store.sqlite_conn import too_slow
from orion.store.url import Place

echo = logging.getLogger("orion.store.sql")

CONNECT_SECONDS = 5
PREPARED_AT, PREPARED = 2, 300  # what is asked for the third time is planned once; a page may ask forty things
ALIVE = {  # a server that is gone without a word is noticed within half a minute, not within hours
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
TRY_AGAIN = (pg.SerializationFailure, pg.DeadlockDetected, psycopg.OperationalError)


class Number(Loader):
    """PostgreSQL's numeric (the sum of integers is one) as int or float."""

    def load(self, data: Any) -> int | float:
        number = Decimal(bytes(data).decode())
        return int(number) if number == number.to_integral_value() else float(number)


def patience(place: Place) -> dict[str, Any]:
    """How long making a connection may take, and a silent one is kept; what the URL says comes first."""
    return {name: value for name, value in ALIVE.items() if f"{name}=" not in place.url}


def prepare(raw: psycopg.Connection[Any], limit: float) -> None:
    """Make a fresh connection ready: times in UTC, statements with a time limit, planned once and never compiled."""
    raw.autocommit = True
    raw.prepare_threshold, raw.prepared_max = PREPARED_AT, PREPARED
    raw.adapters.register_loader("numeric", Number)
    raw.adapters.register_loader("json", TextLoader)  # as SQLite gives it
    raw.execute(
        f"SET timezone = 'UTC'; SET statement_timeout = {int(limit * 1000)}; SET lock_timeout = '10s'; SET jit = off"
    )


class PostgresConn(Conn):
    """See `Conn`. Errors are those of `orion.errors`, but for those that a second try may mend (`TRY_AGAIN`)."""

    dialect = "postgres"

    def __init__(self, raw: psycopg.Connection[Any], *, reading: bool, log: bool = False) -> None:
        self.raw = raw
        self.topics: set[str] = set()
        self._reading = reading
        self._log = log

    def all(self, sql: str, params: Params = NONE) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def one(self, sql: str, params: Params = NONE) -> Row | None:
        return self._execute(sql, params).fetchone()

    def run(self, sql: str, params: Params = NONE) -> int:
        return self._execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        try:
            with self.raw.cursor() as cursor:
                cursor.executemany(translate(sql, "postgres"), rows)
        except (psycopg.Error, ValueError) as error:
            raise explain(error, reading=self._reading) from error

    def publish(self, topic: str) -> None:
        self.topics.add(topic)

    def time(self, moment: datetime | None) -> datetime | None:
        return None if moment is None else as_utc(moment)

    def when(self, value: Any) -> datetime | None:
        return None if value is None else whole(as_utc(value))

    def _execute(self, sql: str, params: Params) -> psycopg.Cursor[Row]:
        text = translate(sql, "postgres")
        if self._log:
            echo.info(text)
        try:
            return self.raw.execute(text, params)
        except (psycopg.Error, ValueError) as error:
            raise explain(error, reading=self._reading) from error


def explain(error: Exception, *, reading: bool = False) -> Exception:
    """The error of orion's that an error of PostgreSQL's means; one worth a second try stays as it is."""
    match error:
        case pg.UniqueViolation():
            return errors.Conflict("It exists already.")
        case pg.ForeignKeyViolation():
            return errors.Conflict("Something that it refers to does not exist.")
        case pg.NotNullViolation() | pg.CheckViolation():
            return errors.Invalid("A value is missing or not allowed.")
        case pg.QueryCanceled():
            return too_slow(reading)
        case pg.StatementTooComplex() | pg.TooManyColumns() | pg.TooManyArguments():
            return errors.Invalid("The filter is too long: name fewer things in one request.")
        case pg.ProgramLimitExceeded():
            return errors.TooLarge("A value is too large to be kept.")
        case psycopg.DataError() | UnicodeError():
            return errors.Invalid(f"A value cannot be kept: {str(error).splitlines()[0]}")
        case pg.DiskFull() | pg.OutOfMemory():
            return errors.StorageFull()
        case pg.LockNotAvailable() | pg.ReadOnlySqlTransaction():
            return errors.Busy("The database is held by another transaction; try again in a moment.")
        case _:
            return error


def gone(error: Exception) -> errors.Busy:
    """What to say when a second try did not help either."""
    return errors.Busy(
        f"The database does not answer: {str(error).strip().splitlines()[0] if str(error) else 'gone'}"
    )
