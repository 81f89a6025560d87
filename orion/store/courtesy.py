"""Courtesy between the processes that write one SQLite file: what can wait lets the others go first.

SQLite gives its lock to whoever asks while it is free, and lets the others ask again after up to a tenth of a second. A
clock that plans without a pause holds it nearly all the time; a server beside it would wait for seconds. So who waits
says so by a shared lock on `<file>.waits` and asks again every few milliseconds, and who has only maintenance to write
looks there first.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock: there nobody says so
    fcntl = None  # type: ignore[assignment]

PAUSE, LONGEST_PAUSE = 0.001, 0.01
TRIES = 10


class Courtesy:
    """What one writer of a file does for the others. The file `<file>.waits` is made when somebody has to wait."""

    def __init__(self, path: Path) -> None:
        self._path = Path(f"{path}.waits")
        self._file = -1

    def begin(self, raw: sqlite3.Connection, seconds: float) -> None:
        """Begin to write. While others do, ask again for that many seconds; then SQLite's error is raised."""
        if _begun(raw):
            return
        until = time.monotonic() + seconds
        with self.waiting():
            pause = PAUSE
            while not _begun(raw, last=time.monotonic() > until):
                time.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)  # should many wait at once

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Say to the others that this one waits to write."""
        if self._open(os.O_RDWR | os.O_CREAT):
            self._say()
        try:
            yield
        finally:
            self.close()  # the lock goes with it

    def others_wait(self) -> bool:
        """Whether another writer of the file waits."""
        if not self._open(os.O_RDWR):
            return False
        if not _locked(self._file, fcntl.LOCK_EX):
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self, how: int) -> bool:
        if fcntl is not None and self._file < 0:
            try:
                self._file = os.open(self._path, how | os.O_CLOEXEC, 0o600)
            except OSError:
                return False
        return self._file >= 0

    def _say(self) -> None:
        """Another that looks holds the lock for a moment."""
        for _ in range(TRIES):
            if _locked(self._file, fcntl.LOCK_SH):
                return
            time.sleep(PAUSE)


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begun(raw: sqlite3.Connection, *, last: bool = False) -> bool:
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
