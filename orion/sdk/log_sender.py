"""Sends log lines to the API in batches, in the order written, each kept once."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from orion.blocks.redaction import redact
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.sdk.background import BackgroundSender
from orion.sdk.client import SyncClient
from orion.sdk.errors import ApiError, Unreachable
from orion.sdk.exchange import Request
from orion.settings import Settings

CUT = "\n[cut here: the line had {size:,} bytes, at most {limit:,} are kept (ORION_LOGGING_TO_API_MAX_LOG_SIZE)]"

FLOOD = "\n[{count:,} lines before this one were cut: they came faster than the API took them]"
WAITING_BYTES = 64_000_000  # what may wait in memory


class Line(NamedTuple):
    """A log line as JSON."""

    body: bytes


class LogSender(BackgroundSender[Line]):
    """Every 2 s, or as soon as a batch is full, the waiting lines go to `POST /logs/`."""

    def __init__(self, client: SyncClient, settings: Settings) -> None:
        super().__init__("orion-logs", settings.logging_to_api_batch_interval)
        self._client = client
        self._batch_bytes: int = settings.logging_to_api_batch_size
        self._line_bytes: int = settings.logging_to_api_max_log_size
        self._waiting_bytes = 0
        self._source = new_id()
        self._seq = 0
        self._last = 0.0
        self._cut = 0

    def add(
        self, record: logging.LogRecord, message: str, flow_run_id: str | None, task_run_id: str | None
    ) -> None:
        """Queue a record. Timestamps never go back within this process."""
        with self._changed:
            if self._waiting_bytes > WAITING_BYTES:
                self._cut += 1
                return
            if self._cut:
                message += FLOOD.format(count=self._cut)
                self._cut = 0
            self._last = max(self._last, record.created)
            line = LogCreate(
                name=record.name,
                level=record.levelno,
                message=self._fit(redact(message)),
                timestamp=datetime.fromtimestamp(self._last, UTC),
                flow_run_id=flow_run_id,
                task_run_id=task_run_id,
                source=self._source,
                seq=self._seq,
            )
            self._seq += 1
            body = msgspec.json.encode(line)
            self._waiting_bytes += len(body)
            self.put(Line(body))

    def take(self, queue: deque[Line]) -> list[Line]:
        batch: list[Line] = []
        size = 0
        while queue and (not batch or size + len(queue[0].body) < self._batch_bytes):
            size += len(queue[0].body) + 1
            batch.append(queue.popleft())
            self._waiting_bytes -= len(batch[-1].body)
        return batch

    def is_full(self, queue: deque[Line]) -> bool:
        return self._waiting_bytes >= self._batch_bytes

    def deliver(self, batch: list[Line]) -> None:
        while True:
            try:
                self._client.send(Request("POST", "/logs/", b"[%b]" % b",".join(line.body for line in batch)))
                return
            except ApiError as error:
                if len(batch) == 1:
                    return _complain(f"The API refused a log line: {error}")
                for line in batch:
                    self.deliver([line])
                return
            except Unreachable as error:
                _complain(f"{len(batch)} log lines did not reach the API: {error}")
                if self._closing:
                    return
                time.sleep(1.0)

    def _fit(self, message: str) -> str:
        message = message.replace("\x00", "\ufffd")
        body = message.encode("utf-8", "replace")
        if len(body) <= self._line_bytes - 2_000 and message.isascii():
            return message
        if len(body) <= self._line_bytes - 2_000:
            return body.decode()
        note = CUT.format(size=len(body), limit=self._line_bytes)
        return body[: self._line_bytes - 2_000].decode("utf-8", "ignore") + note


def _complain(text: str) -> None:
    print(f"orion: {text}", file=sys.stderr)
