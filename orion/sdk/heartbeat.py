"""Says every 15 s that the flow process lives, and hears when the run is to be cancelled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from orion.sdk import signals
from orion.sdk.client import SyncClient
from orion.sdk.connection import Connection
from orion.sdk.errors import ApiError, Unreachable
from orion.sdk.exchange import Patience

if TYPE_CHECKING:
    from orion.sdk.session import Session

log = logging.getLogger("orion.engine")


@contextmanager
def beating(session: Session, flow_run_id: str, token: str | None) -> Iterator[None]:
    """Beat for a run that this process has made for itself; making it was the first beat."""
    if token is None:
        yield
        return
    seconds = session.settings.heartbeat_seconds
    beat = Heartbeat(session.connection, flow_run_id, token, seconds, signals.cancel, at_once=False)
    beat.start()
    try:
        yield
    finally:
        beat.stop(wait=False)


class Heartbeat:
    """A thread that beats for a flow run until it is stopped; `on_cancel` is called once, in that thread."""

    def __init__(
        self,
        connection: Connection,
        flow_run_id: str,
        token: str,
        seconds: float,
        on_cancel: Callable[[], None],
        *,
        at_once: bool = True,
    ) -> None:
        self._connection, self._at_once = connection, at_once
        self._run, self._token, self._seconds, self._on_cancel = flow_run_id, token, seconds, on_cancel
        self._over = threading.Event()
        self._cancelled = False
        self._thread = threading.Thread(target=self._work, name="orion-heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @cached_property
    def _client(self) -> SyncClient:
        return SyncClient(self._connection, Patience(self._seconds / 2))

    def stop(self, *, wait: bool = True) -> None:
        """End the thread; no beat begins afterwards, and with `wait` none is under way."""
        self._over.set()
        if wait and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def wants_cancel(self) -> bool:
        """Ask now whether the run is to be cancelled."""
        try:
            return bool(self._client.heartbeat(self._run, self._token).cancel)
        except (ApiError, Unreachable):
            return False

    def _work(self) -> None:
        if self._at_once:
            self._beat()
        while not self._over.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        try:
            answer = self._client.heartbeat(self._run, self._token)
        except (ApiError, Unreachable) as error:
            log.warning("A heartbeat did not arrive: %s", error)
            return
        if answer.cancel and not self._cancelled and not self._over.is_set():
            self._cancelled = True
            self._on_cancel()
