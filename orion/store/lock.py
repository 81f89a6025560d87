"""Who owns a SQLite file: a lock on `<file>.lock`, which says the owner's process and address.

The lock goes with the process, however it ends; what stays in the file then tells that the end was not clean.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orion.errors import Busy, DatabaseOwned

try:
    import fcntl
except ImportError:  # Windows has no flock: there every server is taken at its word
    fcntl = None  # type: ignore[assignment]

PATIENCE = 1.0


@dataclass(frozen=True)
class Owner:
    """The server that holds a file; `url` is its API's address, empty when it has not said."""

    pid: int
    url: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} at {self.url}" if self.url else f"process {self.pid}"


class Ownership:
    """A held lock. `unclean` tells that the owner before did not close the file."""

    def __init__(self, path: Path, url: str = "") -> None:
        self.path = path
        self._file = os.open(lock_path(path), os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            self._wait()
        except DatabaseOwned:
            os.close(self._file)
            raise
        self.unclean = os.fstat(self._file).st_size > 0
        self.announce(url)

    def announce(self, url: str) -> None:
        """Say who holds the lock and where its API is."""
        self._say(json.dumps({"pid": os.getpid(), "url": url}))

    def release(self) -> None:
        """Let the next one have it; an empty file says that all was well."""
        if self._file >= 0:
            self._say("")
            os.close(self._file)
            self._file = -1

    def _say(self, text: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while not _locked(self._file, exclusive=True):
            if time.monotonic() > until:
                raise DatabaseOwned(
                    f"{self.path} belongs to another server: {_read(self.path)}. "
                    "Use that one, stop it, or start this one with another ORION_DATABASE_URL."
                )
            time.sleep(0.02)


def lock_path(path: Path) -> Path:
    """Where the lock of a database file is."""
    return path.with_name(path.name + ".lock")


@contextmanager
def turn(path: Path, patience: float) -> Iterator[None]:
    """One process at a time upgrades or copies `path`; the others wait `patience` seconds, then hear `Busy`.

    The folder is what is locked, so that nothing stays behind. Where it cannot be (Windows, some network drives)
    nobody waits.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + patience
        with suppress(OSError):
            while not _locked(folder, exclusive=True):
                if time.monotonic() > until:
                    raise Busy(
                        f"{path} is being upgraded or copied by another process; try again in a moment."
                    )
                time.sleep(0.01)
        yield
    finally:
        os.close(folder)


def owner(path: Path) -> Owner | None:
    """The live server that owns `path`, or None."""
    if fcntl is None or not lock_path(path).exists():
        return None
    file = os.open(lock_path(path), os.O_RDWR)
    try:
        return None if _locked(file, exclusive=False) else _read(path)
    finally:
        os.close(file)


def _locked(file: int, *, exclusive: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Owner:
    try:
        said = json.loads(lock_path(path).read_text())
        return Owner(int(said["pid"]), str(said.get("url", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(0)
