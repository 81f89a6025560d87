"""Checkpoints of a server's SQLite file, done beside its writer.

SQLite moves what was committed from the log to the file inside of a commit, every thousand pages, and whoever waits
for that commit waits for two syncs of the disk as well. A thread does it here. A log that is written to all the time
never comes to its end that way: once it has `LOG_PAGES` pages, SQLite moves the rest in a commit, and starts it anew.
"""

from __future__ import annotations

import logging
import sqlite3
import threading

log = logging.getLogger("orion.store")

ROWS = 2_000  # changed rows between two checkpoints: 4 to 20 MB of log
LOG_PAGES = 8_000


class Checkpoints:
    """The thread and its connection."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._rows = self._done = 0
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="orion-checkpoints", daemon=True)
        self._thread.start()

    def committed(self, rows: int) -> None:
        """Tell how many rows the writer has changed so far."""
        self._rows = rows
        if rows - self._done >= ROWS:
            self._wanted.set()

    def close(self) -> None:
        """End the thread after the checkpoint that it is at."""
        self._closing = True
        while self._thread.is_alive():
            self._wanted.set()
            self._thread.join(0.01)
        self._raw.close()

    def _run(self) -> None:
        while self._wanted.wait() and not self._closing:
            self._checkpoint()
            self._done = (
                self._rows
            )  # what came meanwhile waits: the writer must find time for the end of a long log
            self._wanted.clear()

    def _checkpoint(self) -> None:
        try:
            self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:  # the writer meets it as well, and tells who waits for it
            log.debug("A checkpoint failed: %s", error)
