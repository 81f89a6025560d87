"""SQLite: one writer thread with group commit, a few read-only connections, and a lock that names the owner.

A server owns its file (`lock.py`); a clock beside it and programs without a server share it by `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from orion.errors import DatabaseError, DatabaseOwned, QueryTooSlow
from orion.store import migrate
from orion.store.base import Options, Role, Store
from orion.store.bus import Bus
from orion.store.checkpoints import MOST_PAGES, Checkpoints
from orion.store.courtesy import Courtesy
from orion.store.jobs import Job, Workers
from orion.store.lock import Ownership, owner
from orion.store.sqlite_conn import SqliteConn, connect, explain, private
from orion.store.url import Place
from orion.store.writer import Writer

log = logging.getLogger("orion.store")

OLDEST = (3, 35, 0)
SAFE_TO_SHARE = (3, 51, 3)
READERS = 4
GLANCE_SECONDS = 0.02
LOG_PAGES_OF = {Role.SERVER: MOST_PAGES, Role.CLOCK: 0}
WRITE_CACHE_KB = 16_000  # with SQLite's own 2 MB, a write on a large database reads pages again and again


class SqliteStore(Store):
    """See `Store`."""

    dialect = "sqlite"

    def __init__(self, place: Place, *, role: Role = Role.SERVER, options: Options | None = None) -> None:
        self.role = role
        self.options = options or Options.of(role)
        self._folder = None if place.path else tempfile.TemporaryDirectory(prefix="orion-memory-")
        self.path = place.path or Path(self._folder.name) / "orion.db"  # type: ignore[union-attr]
        self.bus = Bus()
        self._check_sqlite()
        self._owned = self._take()
        try:
            migrate.sqlite(self.path, self.options, check=self._owned is not None and self._owned.unclean)
            self._checkpoints = self._checkpointing()
            self._writer = self._writing()
            if self._checkpoints:
                self._checkpoints.wake = self._writer.look
        except BaseException:
            self._let_go()
            raise
        self._local = threading.local()
        self._glancers: list[SqliteConn] = []
        self._readers = Workers("orion-reader", READERS, self._reader)
        self.bus.on_wait = self._writer.look

    async def glance(self, fn: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """On a connection of the event loop's own; what turns out to be long goes to a reader after all."""
        job = Job(fn, args, kw)
        _snapshot(self._glancing(), job)
        if isinstance(job.error, QueryTooSlow):
            return await self.read(fn, *args, **kw)
        return job.answer()

    def announce(self, address: str) -> None:
        if self._owned is not None:
            self._owned.announce(address)

    def close(self) -> None:
        for conn in self._glancers:
            conn.raw.close()
        self._readers.close()
        if self._checkpoints:
            self._checkpoints.close()
        self._writer.close()
        self._let_go()

    def _submit(self, job: Job) -> None:
        if job.lane is None:
            self._readers.submit(job)
        else:
            self._writer.submit(job)

    def _check_sqlite(self) -> None:
        version = sqlite3.sqlite_version
        if sqlite3.sqlite_version_info < OLDEST:
            raise DatabaseError(f"orion needs SQLite 3.35 or newer, but this Python has {version}.")
        if self.role is Role.CLOCK and sqlite3.sqlite_version_info < SAFE_TO_SHARE:
            log.warning(
                "SQLite %s has a rare fault when two processes write one file; 3.51.3 has not.", version
            )

    def _take(self) -> Ownership | None:
        """A server takes the file; a program without one makes way for a server that is there."""
        try:
            private(self.path)
            if self.role is Role.SERVER:
                return Ownership(self.path, self.options.address)
        except OSError as error:
            raise DatabaseError(f"{self.path} cannot be opened: {error.strerror}.") from error
        if self.role is Role.EPHEMERAL and (found := owner(self.path)) and found.url:
            raise DatabaseOwned(
                f"{self.path} belongs to a running server: {found}. Use it: ORION_API_URL={found.url}",
                pid=found.pid,
                address=found.url,
            )
        return None

    def _let_go(self) -> None:
        if self._owned is not None:
            self._owned.release()
        if self._folder is not None:
            self._folder.cleanup()

    def _glancing(self) -> SqliteConn:
        conn: SqliteConn | None = getattr(self._local, "conn", None)
        if conn is None:
            raw = self._read_only(busy=0)
            conn = self._local.conn = SqliteConn(
                raw, limit=GLANCE_SECONDS, reading=True, log=self.options.echo
            )
            self._glancers.append(conn)
        return conn

    def _writing(self) -> Writer:
        return Writer(
            self._write_conn(),
            self.bus,
            Courtesy(self.path),
            full=self.options.synchronous == "full",
            busy=self.options.busy,
            checkpoints=self._checkpoints,
        )

    def _write_conn(self) -> SqliteConn:
        raw = connect(self.path, busy=self.options.busy, log_pages=LOG_PAGES_OF.get(self.role))
        raw.execute("PRAGMA temp_store = MEMORY")  # what undoes a statement would go through a file else
        raw.execute(f"PRAGMA cache_size = -{WRITE_CACHE_KB}")
        raw.execute("PRAGMA busy_timeout = 0")  # from now on the writer itself asks again
        return self._conn(raw, reading=False)

    def _checkpointing(self) -> Checkpoints | None:
        """Only a server has a thread for checkpoints: a clock leaves them to it, a flow is soon over."""
        if self.role is not Role.SERVER:
            return None
        return Checkpoints(connect(self.path, busy=self.options.busy), self.path)

    def _conn(self, raw: sqlite3.Connection, *, reading: bool) -> SqliteConn:
        return SqliteConn(raw, limit=self.options.timeout, reading=reading, log=self.options.echo)

    @contextmanager
    def _reader(self) -> Iterator[Callable[[Job], None]]:
        """What a reader thread does with a job: one snapshot for all its statements."""
        with closing(self._read_only(self.options.busy)) as raw:
            conn = self._conn(raw, reading=True)
            yield lambda job: _snapshot(conn, job)

    def _read_only(self, busy: float) -> sqlite3.Connection:
        try:
            raw = connect(self.path, busy=busy)
            raw.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise explain(error) from error
        return raw


def _snapshot(conn: SqliteConn, job: Job) -> None:
    try:
        conn.raw.execute("BEGIN")
        job(conn)
    except BaseException as error:
        job.error = conn.explain(error) if isinstance(error, sqlite3.Error) else error
    finally:
        if conn.raw.in_transaction:
            conn.raw.execute("ROLLBACK")
