"""What a process needs to talk to one API while flows run: clients, the outbox, the sender of logs."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from orion.sdk.begin import AsyncBeginner, SyncBeginner
from orion.sdk.client import AsyncClient, SyncClient
from orion.sdk.connection import connect
from orion.sdk.exchange import Patience
from orion.sdk.exits import at_exit
from orion.sdk.outbox import Outbox
from orion.settings import Settings, current

if TYPE_CHECKING:
    from orion.sdk.log_sender import LogSender

FIRST_CONTACT = Patience(10.0)
LAST_WORDS = Patience(2.0)


class Session:
    """One for each API that this process talks to; shared by all its flow runs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = connect(settings)
        self.sync = SyncClient(self.connection, FIRST_CONTACT)
        self.begin = SyncBeginner(self.sync, settings.map_batch)
        self.outbox = Outbox(SyncClient(self.connection, self.patience))
        self.flow_ids: dict[str, str] = {}
        self._loops: WeakKeyDictionary[Any, tuple[AsyncClient, AsyncBeginner]] = WeakKeyDictionary()
        self._logs: LogSender | None = None
        self._lock = threading.Lock()

    @property
    def patience(self) -> Patience:
        return Patience(self.settings.api_retry_seconds)

    def connected(self) -> None:
        """The API has answered: from now on an outage is waited out."""
        self.sync.patience = self.patience

    def hasten(self) -> None:
        """A run is torn down: what is still to be said is not said for long."""
        self.sync.patience = LAST_WORDS

    def asynchronous(self) -> AsyncClient:
        """The client of the running event loop."""
        return self._of_this_loop()[0]

    def begin_later(self) -> AsyncBeginner:
        return self._of_this_loop()[1]

    def _of_this_loop(self) -> tuple[AsyncClient, AsyncBeginner]:
        import asyncio

        loop = asyncio.get_running_loop()
        found = self._loops.get(loop)
        if found is None:
            client = AsyncClient(self.connection, self.sync.patience)
            found = self._loops[loop] = (client, AsyncBeginner(client, self.settings.map_batch))
        found[0].patience = self.sync.patience
        return found

    async def leave_loop(self) -> None:
        """Close the connections that belong to the running event loop."""
        import asyncio

        found = self._loops.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found[0].close()

    @property
    def logs(self) -> LogSender:
        from orion.sdk.log_sender import LogSender

        with self._lock:
            if self._logs is None:
                self._logs = LogSender(SyncClient(self.connection, self.patience), self.settings)
            return self._logs

    def flush_logs(self, timeout: float | None = None) -> None:
        if self._logs is not None:
            self._logs.flush(timeout)

    def close(self, timeout: float | None = 30.0) -> None:
        """Send what is left, then close the connections."""
        self.outbox.close(timeout)
        if self._logs is not None:
            self._logs.close(timeout)
        self.sync.close()


_sessions: dict[tuple[str, ...], Session] = {}
_lock = threading.Lock()


def session() -> Session:
    """The session of the settings in force."""
    settings = current()
    key = (str(settings.api_url), str(settings.api_key), str(settings.database_url), str(settings.home))
    with _lock:
        if key not in _sessions:
            from orion.sdk import logs, plugins

            logs.set_up()
            plugins.load()
            _sessions[key] = Session(settings)
        return _sessions[key]


def close_all(timeout: float | None = 30.0) -> None:
    """Close every session: what is waiting is sent first."""
    with _lock:
        found = list(_sessions.values())
        _sessions.clear()
    for one in found:
        one.close(timeout)


def _forget() -> None:
    global _lock
    _sessions.clear()
    _lock = threading.Lock()


at_exit(close_all)
os.register_at_fork(after_in_child=_forget)
