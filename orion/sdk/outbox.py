"""The outbox of final states: they leave in batches while the next task runs; the flow's own waits for them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from orion.model.states import StateCreate
from orion.model.task_runs import TaskRunCreate
from orion.model.wire import encode
from orion.sdk.background import BackgroundSender
from orion.sdk.client import SyncClient
from orion.sdk.errors import ApiError, Unreachable
from orion.sdk.exchange import Request
from orion.sdk.journal import Journal, left_behind
from orion.sdk.results import Blob, message_without, unwritten

LINGER = 0.1
BATCH = 200
WRITERS = 8
BATCH_BYTES = 700_000
END = b"0}]}"  # what makes the start of a line a whole one

Lost = Callable[[Exception], None]

log = logging.getLogger("orion.outbox")


class Final(NamedTuple):
    """A state that is sent late: its line as JSON up to the age, when it happened (monotonic), its result's file.

    `lost` is told when that file cannot be written.
    """

    start: bytes
    happened: float
    blob: Blob | None = None
    lost: Lost | None = None

    def line(self, now: float) -> bytes:
        return b"%b%.6f}]}" % (self.start, max(0.0, now - self.happened))


class Outbox(BackgroundSender[Final]):
    """Sends final states of task runs by `POST /task_runs/batch`."""

    def __init__(self, client: SyncClient) -> None:
        super().__init__("orion-outbox", LINGER)
        self._client = client
        self._journal = Journal(client.connection.identity)
        self._looked_back = False
        self._stuck: list[Final] = []
        self.failure: Unreachable | None = None

    def add(
        self,
        run: TaskRunCreate,
        state: StateCreate,
        blob: Blob | None = None,
        token: str | None = None,
        lost: Lost | None = None,
    ) -> None:
        """Send the final state of a task run soon. The run's create fields go with it: a lost row is made again."""
        start = _start(run, state, token)
        with self._changed:
            self._journal.write(start)
            self.put(Final(start, time.monotonic(), blob, lost))

    def take(self, queue: deque[Final]) -> list[Final]:
        batch: list[Final] = []
        size = 0
        while queue and len(batch) < BATCH and (not batch or size + len(queue[0].start) < BATCH_BYTES):
            size += len(queue[0].start)
            batch.append(queue.popleft())
        return batch

    def is_full(self, queue: deque[Final]) -> bool:
        return len(queue) >= BATCH

    def deliver(self, batch: list[Final]) -> None:
        batch, self._stuck = self._stuck + batch, []
        if not self._looked_back:
            self._looked_back = True
            self._send_left_behind()
        self._send(_written(batch))

    def idle(self) -> None:
        with self._changed:
            if self.failure is None and not self.is_waiting:
                self._journal.clear()

    def close(self, timeout: float | None = None) -> bool:
        done = super().close(timeout)
        kept = not done or self.failure is not None
        if kept:
            log.error(
                "Final states did not reach the API; they are kept in %s and sent by the next run.",
                self._journal.path,
            )
        self._journal.close(keep=kept)
        return done

    def _send(self, batch: list[Final]) -> None:
        try:
            self._post(batch)
            self.failure = None
        except Unreachable as error:
            self.failure = error
            self._stuck += batch
        except ApiError as error:
            if len(batch) == 1:
                log.error("The API refused the final state of a task run: %s", error)
            else:
                for final in batch:
                    self._send([final])

    def _post(self, batch: list[Final]) -> None:
        now = time.monotonic()
        body = b"[%b]" % b",".join(final.line(now) for final in batch)
        self._client.send(Request("POST", "/task_runs/batch", body))

    def _send_left_behind(self) -> None:
        for path, found in left_behind(self._client.connection.identity):
            offset = time.monotonic() - time.time()
            self._send([Final(entry, when + offset) for when, entry in found])
            if self.failure is None:
                path.unlink(missing_ok=True)


def _written(batch: list[Final]) -> list[Final]:
    """The batch with its results written, those of a storage elsewhere some at one time: each waits for its answer."""
    far = [final for final in batch if final.blob is not None and final.blob.storage is not None]
    if len(far) < 2:
        return [_write(final) for final in batch]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(WRITERS, "orion-results") as pool:
        return list(pool.map(_write, batch))


def _write(final: Final) -> Final:
    """Write the result; where that fails the state says so, instead of pointing to a file that is not there."""
    if final.blob is None:
        return final
    try:
        final.blob.write()
        return final._replace(blob=None)
    except Exception as error:
        if final.lost is not None:
            final.lost(error)
        return final._replace(start=_without_result(final.start, error), blob=None)


def _without_result(start: bytes, why: Exception) -> bytes:
    line = msgspec.json.decode(start + END)
    state = line["states"][0]["state"]
    state["data"], state["message"] = unwritten(why), message_without(state["type"], state.get("message"), why)
    state["state_details"] = {**(state.get("state_details") or {}), "cache_key": None}
    return msgspec.json.encode(line).removesuffix(END)


def _start(run: TaskRunCreate, state: StateCreate, token: str | None) -> bytes:
    owner = encode(token)
    return b'{"token":%b,"task_run":%b,"states":[{"state":%b,"age":' % (
        owner,
        msgspec.json.encode(run),
        encode(state),
    )
