"""PostgreSQL: a pool of connections used from a few threads, one transaction a write, news by NOTIFY."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from orion.errors import Busy, DatabaseError
from orion.store import migrate
from orion.store.base import Lane, Options, Role, Store
from orion.store.bus import Bus
from orion.store.crash_points import crash_point
from orion.store.jobs import Job, Workers
from orion.store.listen import Herald
from orion.store.postgres_conn import TRY_AGAIN, PostgresConn, explain, gone, patience, prepare
from orion.store.url import Place


class PostgresStore(Store):
    """See `Store`. Reads, writes and maintenance have threads of their own, so that none takes them all."""

    dialect = "postgres"

    def __init__(self, place: Place, *, role: Role = Role.SERVER, options: Options | None = None) -> None:
        self.place, self.role = place, role
        self.options = options or Options.of(role)
        self._migrate()
        self._pool = ConnectionPool(
            place.url,
            min_size=1,
            max_size=self.options.pool,
            max_lifetime=1800,
            timeout=self.options.busy,
            configure=lambda raw: prepare(raw, self.options.timeout),
            kwargs=patience(place),
            name="orion",
            open=True,
        )
        self.bus = Bus()
        self._herald = Herald(self._connect, self.bus)
        self.bus.on_wait = self._herald.listen
        reads = max(1, self.options.pool // 2)
        self._readers = Workers("orion-reader", reads, self._work)
        self._writers = Workers("orion-writer", max(1, self.options.pool - reads - 1), self._work)
        self._low = Workers("orion-writer-low", 1, self._work)

    def close(self) -> None:
        for workers in (self._readers, self._writers, self._low):
            workers.close()
        self._herald.close()
        self._pool.close()

    def _submit(self, job: Job) -> None:
        match job.lane:
            case None:
                self._readers.submit(job)
            case Lane.LOW:
                self._low.submit(job)
            case _:
                self._writers.submit(job)

    def _connect(self) -> psycopg.Connection[Any]:
        raw = psycopg.connect(self.place.url, autocommit=True, **patience(self.place))
        raw.execute("SET statement_timeout = 0")
        return raw

    def _migrate(self) -> None:
        try:
            with self._connect() as raw:
                migrate.postgres(raw)
        except psycopg.OperationalError as error:
            raise DatabaseError(f"The database {self.place} cannot be reached: {_line(error)}") from error
        except psycopg.Error as error:
            raise DatabaseError(f"The schema of {self.place} cannot be upgraded: {_line(error)}") from error

    @contextmanager
    def _work(self) -> Iterator[Callable[[Job], None]]:
        yield self._answer

    def _answer(self, job: Job) -> None:
        try:
            self._try_twice(job)
        except BaseException as error:
            job.error = error

    def _try_twice(self, job: Job) -> None:
        """Every write of orion's can be done twice, so a lost connection or a deadlock is worth a second try."""
        try:
            self._once(job)
        except TRY_AGAIN:
            self._pool.check()
            try:
                self._once(job)
            except TRY_AGAIN as error:
                raise gone(error) from error

    def _once(self, job: Job) -> None:
        try:
            with self._pool.connection() as raw:
                if job.lane is None:
                    job(PostgresConn(raw, reading=True, log=self.options.echo))
                else:
                    self._transaction(raw, job)
        except PoolTimeout as error:
            raise Busy("No connection to the database became free in time; try again in a moment.") from error

    def _transaction(self, raw: psycopg.Connection[Any], job: Job) -> None:
        conn = PostgresConn(raw, reading=False, log=self.options.echo)
        relaxed = (
            ""
            if job.durable and self.options.synchronous == "full"
            else "; SET LOCAL synchronous_commit = off"
        )
        raw.execute(f"BEGIN{relaxed}".encode())
        try:
            job(conn)
            crash_point("writer-before-commit")
            raw.execute("COMMIT")
            crash_point("writer-after-commit")
        except BaseException as error:
            _roll_back(raw)
            raise explain(error) if isinstance(error, psycopg.Error) else error from None
        if conn.topics:
            self._herald.tell(conn.topics)


def _roll_back(raw: psycopg.Connection[Any]) -> None:
    try:
        raw.execute("ROLLBACK")
    except psycopg.Error:
        raw.close()


def _line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
