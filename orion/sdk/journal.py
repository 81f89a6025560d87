"""Final states that are on their way, on disk: what a killed process could not send is sent by the next one."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from orion.model.ids import new_id
from orion.settings import current

log = logging.getLogger("orion.journal")


class Journal:
    """A file of entries, held by a lock while its process lives. Each line: wall time, tab, entry."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.path = folder() / f"{new_id()}.journal"
        self._file: int | None = None
        self._lock = threading.Lock()
        self._broken = False

    def write(self, entry: bytes) -> None:
        """Append an entry. It survives the end of the process (not a power cut)."""
        try:
            os.write(self._opened(), b"%.6f\t%b\n" % (time.time(), entry))
        except OSError as error:
            self._complain(error)

    def _opened(self) -> int:
        with self._lock:
            if self._file is None:
                self._file = _create(self.path, self.api)
            return self._file

    def _complain(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            log.warning("The journal %s cannot be written: %s. The run goes on without it.", self.path, error)

    def clear(self) -> None:
        """All entries have arrived."""
        with self._lock:
            if self._file is not None:
                os.ftruncate(self._file, len(_header(self.api)))

    def close(self, *, keep: bool) -> None:
        """Let go of the file, and remove it unless its entries are still needed."""
        with self._lock:
            if self._file is not None:
                if not keep:
                    self.path.unlink(missing_ok=True)
                os.close(self._file)
                self._file = None


def folder() -> Path:
    """Where journals are."""
    return Path(current().home) / "journal"


def left_behind(api: str) -> Iterator[tuple[Path, list[tuple[float, bytes]]]]:
    """The journals of ended processes for this API, each with its entries and their wall times; one taker at a time."""
    for path in sorted(folder().glob("*.journal")) if folder().is_dir() else ():
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.read_bytes().startswith(_header(api)):
                yield path, entries(path)
        except OSError:
            continue
        finally:
            os.close(file)


def entries(path: Path) -> list[tuple[float, bytes]]:
    """The whole entries of a journal; a last line that was cut is left out."""
    found = []
    for line in path.read_bytes().split(b"\n")[1:-1]:
        when, _, entry = line.partition(b"\t")
        found.append((float(when), entry))
    return found


def _create(path: Path, api: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, _header(api))
    return file


def _header(api: str) -> bytes:
    return b"orion journal " + api.encode() + b"\n"
