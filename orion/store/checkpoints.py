"""Checkpoints of a server's SQLite file, done beside its writer.

SQLite moves what was committed from the log to the file inside of a commit, every thousand pages, and whoever waits
for that commit waits for two syncs of the disk as well. A thread does it here. A log that is written to all the time
never comes to its end that way. So once it has `LOG_PAGES` pages, maintenance waits until the thread has caught up, and
the writer moves the little that has come since, between two transactions; SQLite starts the log anew then.

A clock of its own writes without this writer, and must leave checkpoints alone. Where it has made the log longer than a
server alone does, the thread lets it wait, as whoever wants to write does, until the writer has moved the rest.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from orion.store.courtesy import Courtesy
from orion.store.sqlite_conn import LOG_BYTES

log = logging.getLogger("orion.store")

ROWS = 2_000  # changed rows between two checkpoints: 4 to 20 MB of log
LOG_PAGES = 8_000
MOST_PAGES = 32_000  # should the thread not keep up, SQLite moves everything in a commit after all
LITTLE = 200  # changed rows that the writer moves itself
PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"
LOOK_SECONDS = 2.0
OTHERS_END = 0.1  # what others are at is over then
WRITER_ENDS = 0.3


class Checkpoints:
    """The thread and its connection. While the log `is_long`, only what cannot wait should be written."""

    def __init__(self, raw: sqlite3.Connection, path: Path) -> None:
        self._raw, self._log, self._courtesy = raw, Path(f"{path}-wal"), Courtesy(path)
        self._rows = self._done = self._seen = 0
        self._wanted, self._finished = threading.Event(), threading.Event()
        self.wake: Callable[[], None] = lambda: None  # lets the writer look around
        self._closing = self._is_ripe = False
        self.is_long = False
        self._thread = threading.Thread(target=self._run, name="orion-checkpoints", daemon=True)
        self._thread.start()

    def committed(self, rows: int) -> None:
        """Tell how many rows the writer has changed so far."""
        self._rows = rows
        if rows - self._done >= ROWS and not self.is_long:
            self._wanted.set()

    def finish(self, raw: sqlite3.Connection) -> None:
        """For the writer, between two transactions: bring a long log to its end, just after the thread was there."""
        if self._is_ripe:
            self._is_ripe = False
            if self._rows - self._seen > LITTLE:
                self._wanted.set()
            else:
                _move(raw)
                self.is_long = False
            self._finished.set()

    def close(self) -> None:
        """End the thread after the checkpoint that it is at."""
        self._closing = True
        while self._thread.is_alive():
            self._wanted.set()
            self._thread.join(0.01)
        self._raw.close()

    def _run(self) -> None:
        while True:
            wanted = self._wanted.wait(LOOK_SECONDS)
            if self._closing:
                return
            if wanted:
                self._wanted.clear()
                self._done = self._rows
                self._checkpoint()
            if self._is_long_file():
                self._bring_to_its_end()

    def _is_long_file(self) -> bool:
        try:
            return self._log.stat().st_size > LOG_BYTES
        except OSError:
            return False

    def _bring_to_its_end(self) -> None:
        _move(self._raw)
        with self._courtesy.waiting():
            time.sleep(OTHERS_END)
            self._finished.clear()
            self._catch_up()
            self.wake()
            self._finished.wait(WRITER_ENDS)

    def _checkpoint(self) -> None:
        self.is_long = _move(self._raw) >= LOG_PAGES
        if self.is_long:
            self._catch_up()

    def _catch_up(self) -> None:
        """Leave little to the writer, which goes on from here."""
        self._seen = self._rows
        _move(self._raw)
        self._is_ripe = True


def _move(raw: sqlite3.Connection) -> int:
    """Move what was committed from the log to the file, as far as no reader needs it; the pages of the log."""
    try:
        return int(raw.execute(PASSIVE).fetchone()[1])
    except sqlite3.Error as error:  # the writer meets it as well, and tells who waits for it
        log.debug("A checkpoint failed: %s", error)
        return 0
