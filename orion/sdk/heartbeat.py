"""Says every 15 s that the flow process lives, and hears when the run is to be cancelled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from orion.sdk.client import SyncClient
from orion.sdk.connection import Connection
from orion.sdk.errors import ApiError, Unreachable
from orion.sdk.exchange import Patience

log = logging.getLogger("orion.engine")


class Heartbeat:
    """A thread that beats for a flow run until it is stopped; `on_cancel` is called once, in that thread."""

    def __init__(
        self,
        connection: Connection,
        flow_run_id: str,
        token: str,
        seconds: float,
        on_cancel: Callable[[], None],
    ) -> None:
        self._client = SyncClient(connection, Patience(seconds / 2))
        self._run, self._token, self._seconds, self._on_cancel = flow_run_id, token, seconds, on_cancel
        self._over = threading.Event()
        self._cancelled = False
        self._thread = threading.Thread(target=self._work, name="orion-heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; no beat leaves afterwards."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def wants_cancel(self) -> bool:
        """Ask now whether the run is to be cancelled."""
        try:
            return bool(self._client.heartbeat(self._run, self._token).cancel)
        except (ApiError, Unreachable):
            return False

    def _work(self) -> None:
        while True:
            self._beat()
            if self._over.wait(self._seconds):
                return

    def _beat(self) -> None:
        try:
            answer = self._client.heartbeat(self._run, self._token)
        except (ApiError, Unreachable) as error:
            log.warning("A heartbeat did not arrive: %s", error)
            return
        if answer.cancel and not self._cancelled and not self._over.is_set():
            self._cancelled = True
            self._on_cancel()
