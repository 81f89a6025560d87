"""The seam between orion and its database: one face, two databases behind it.

A read is a function of a connection; a write is a function of a connection that runs inside one transaction and is
answered after the commit. Functions of both kinds are plain and synchronous: `flow_runs.get(conn, id)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, Concatenate, ParamSpec, TypeVar

from orion import settings
from orion.store.bus import Bus, Subscription
from orion.store.dialect import Dialect
from orion.store.jobs import Job

__all__ = ["Bus", "Conn", "Lane", "Options", "Params", "Role", "Row", "Store", "Subscription"]

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]
Params = Mapping[str, Any]
NONE: Params = {}


class Lane(IntEnum):
    """Who goes first when writes wait: states, then logs, then maintenance (which gets bounded time)."""

    STATE = 0
    LOG = 1
    LOW = 2


class Role(Enum):
    """What the process is: the server owns a SQLite file, a clock shares it, a client borrows it for a moment."""

    SERVER = "server"
    CLOCK = "clock"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True)
class Options:
    """How a store behaves; times in seconds. `synchronous` is `full` or `normal`, `address` the owner's API URL."""

    timeout: float = 10.0
    busy: float = 15.0
    synchronous: str = "full"
    pool: int = 8
    echo: bool = False
    address: str = ""

    @property
    def patience(self) -> float:
        """How long a request waits for the database: until it is free, and for a statement to end."""
        return self.busy + self.timeout

    @classmethod
    def of(cls, role: Role, address: str = "") -> Options:
        """The settings in force, for a role."""
        now = settings.current()
        return cls(
            timeout=now.database_timeout,
            busy=max(now.sqlite_busy_timeout, 30.0) if role is Role.EPHEMERAL else now.sqlite_busy_timeout,
            synchronous=str(now.sqlite_synchronous).lower(),
            pool=now.database_pool,
            echo=now.database_echo,
            address=address,
        )


class Conn(ABC):
    """A connection while a function has it. SQL is written as `dialect` describes, parameters are `:name`."""

    dialect: Dialect

    @abstractmethod
    def all(self, sql: str, params: Params = NONE) -> list[Row]:
        """Every row of the answer."""

    @abstractmethod
    def one(self, sql: str, params: Params = NONE) -> Row | None:
        """The first row of the answer, or None."""

    @abstractmethod
    def run(self, sql: str, params: Params = NONE) -> int:
        """Execute, and return how many rows changed."""

    @abstractmethod
    def many(self, sql: str, rows: Iterable[Params] | Sequence[Params]) -> None:
        """Execute once for each set of parameters."""

    @abstractmethod
    def publish(self, topic: str) -> None:
        """Tell the bus after the commit; nothing is told when the transaction fails."""

    @abstractmethod
    def time(self, moment: datetime | None) -> Any:
        """A moment as a parameter."""

    @abstractmethod
    def when(self, value: Any) -> datetime | None:
        """A time column as an aware UTC datetime."""


class Store(ABC):
    """An open database. The first argument of every function given to it is a `Conn`."""

    dialect: Dialect
    bus: Bus
    options: Options

    async def read(self, fn: Callable[Concatenate[Any, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """`fn(conn, ...)` on a read-only connection, off the event loop."""
        return await self._awaited(Job(fn, args, kw))

    async def glance(self, fn: Callable[Concatenate[Any, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """`read` for what is short, such as a row by its key: it may be done on the event loop, ten times cheaper."""
        return await self.read(fn, *args, **kw)

    async def write(
        self, fn: Callable[..., T], *args: Any, lane: Lane = Lane.STATE, durable: bool = True, **kw: Any
    ) -> T:
        """`fn(conn, ...)` in a transaction of its own. `durable=False` may be answered before the disk sync."""
        return await self._awaited(Job(fn, args, kw, lane=lane, durable=durable))

    def read_now(self, fn: Callable[Concatenate[Any, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """`read` for threads without an event loop."""
        return self._blocking(Job(fn, args, kw))

    def write_now(
        self, fn: Callable[..., T], *args: Any, lane: Lane = Lane.STATE, durable: bool = True, **kw: Any
    ) -> T:
        """`write` for threads without an event loop."""
        return self._blocking(Job(fn, args, kw, lane=lane, durable=durable))

    def announce(self, address: str) -> None:  # noqa: B027 - a database without a lock file has nothing to say
        """Tell other processes, where the database has a way to, at which URL this server's API is."""

    @abstractmethod
    def close(self) -> None:
        """Finish the writes that wait, then let go of the database."""

    @abstractmethod
    def _submit(self, job: Job) -> None:
        """Put a job on its way; it is answered from another thread."""

    async def _awaited(self, job: Job) -> Any:
        answer = job.awaited()
        assert job.loop is not None
        limit = job.loop.call_later(self.options.patience, job.expire)
        self._submit(job)
        try:
            return await answer
        finally:
            limit.cancel()

    def _blocking(self, job: Job) -> Any:
        job.blocking()
        self._submit(job)
        return job.outcome()
