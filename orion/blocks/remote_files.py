"""Files behind fsspec, below a base: what S3, GCS, Azure, SMB and RemoteFileSystem have in common."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orion.blocks.filesystem import FileSystem, MissingDriver, StorageError, either, pieces
from orion.blocks.paths import below, files, key, read_ignore_file
from orion.blocks.redaction import redact
from orion.errors import OrionError

PIECE = 4 * 1024 * 1024
PART = 8 * 1024 * 1024  # of a large upload; a few of them are in memory at one time
PARTS = 9_000  # stores take 10,000 of one file
OBJECT_STORES = frozenset("s3 s3a gs gcs az abfs abfss adl".split())
"""A file appears in them when it is whole. In the others it is written beside its place and moved there."""

IN_USE = (0xC0000022, 0xC0000043)  # SMB puts no file in the place of one that somebody has open this moment

EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "smb": "smb",
    "sftp": "sftp",
    "ssh": "sftp",
}


class RemoteFiles(FileSystem):
    """Files that fsspec reaches; a subclass says where they are."""

    def location(self) -> str:
        """Scheme and path of the base, such as s3://bucket/folder."""
        raise TypeError(f"{type(self).__name__} does not say where its files are")

    def options(self) -> dict[str, Any]:
        """What fsspec's file system is made with."""
        return {}

    @property
    def filesystem(self) -> Any:
        """The file system of fsspec."""
        return self._opened()[0]

    @either
    def read_path(self, path: str) -> bytes:
        """The content of a file; raises FileNotFoundError."""
        with self._telling("read", path):
            filesystem, full = self._at(path)
            content: bytes = filesystem.cat_file(full)
        return content

    def iter_path(self, path: str) -> Iterator[bytes]:
        """The content of a file in pieces."""
        with self._telling("read", path):
            filesystem, full = self._at(path)
            with filesystem.open(full, "rb", block_size=PIECE) as file:
                while piece := file.read(PIECE):
                    yield piece

    @either
    def has_path(self, path: str) -> bool:
        """Whether there is such a file."""
        with self._telling("looked for", path):
            filesystem, full = self._at(path)
            filesystem.invalidate_cache()
            return bool(filesystem.isfile(full))

    @either
    def write_path(self, path: str, content: bytes | Iterable[bytes]) -> str:
        """Write a file, whole or not at all; its full path. The content may come in pieces."""
        with tempfile.NamedTemporaryFile(prefix="orion-upload-") as spool:
            for piece in pieces(content):
                spool.write(piece)
            spool.flush()
            return self._put(Path(spool.name), path)

    @either
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copy a folder to `local_path`; how many files."""
        target = Path(local_path or ".").resolve()
        with self._telling("fetched", from_path):
            filesystem, source = self._at(from_path)
            filesystem.invalidate_cache()
            found = [name for name in filesystem.find(source) if not name.endswith("/")]
            for name in found:
                inside = below(target, key(name.removeprefix(source).lstrip("/")))
                inside.parent.mkdir(parents=True, exist_ok=True)
                filesystem.get_file(name, str(inside))
        if not found:
            raise FileNotFoundError(f"There is no folder {self._shown(from_path)}.")
        return len(found)

    @either
    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> int:
        """Copy the folder `local_path` to `to_path`; how many files."""
        source, copied = Path(local_path or ".").resolve(), 0
        for file, name in files(source, read_ignore_file(ignore_file, source)):
            self._put(file, f"{to_path or ''}/{name}".lstrip("/"))
            copied += 1
        return copied

    def _put(self, file: Path, path: str) -> str:
        """Send a file of this machine, so that it is seen under its name when it is whole, and not before."""
        with self._telling("written", path, missing_is_an_answer=False):
            filesystem, full = self._at(path)
            if _scheme(self.location()) == "memory":
                filesystem.pipe_file(full, file.read_bytes())
            elif _scheme(self.location()) in OBJECT_STORES:
                _put_whole(filesystem, file, full)
            else:
                _put_beside(filesystem, file, full)
        return self._shown(path)

    def _opened(self) -> tuple[Any, str]:
        """fsspec's file system, and the base in its words."""
        try:
            from fsspec.core import url_to_fs

            filesystem, root = url_to_fs(self.location(), **self.options())
        except ImportError as error:
            raise MissingDriver(
                redact(self.location()), EXTRAS.get(_scheme(self.location()), "fsspec"), error
            ) from None
        return filesystem, root.rstrip("/")

    def _at(self, path: str | None) -> tuple[Any, str]:
        """The file system, and a path in its words."""
        tail = self._inside(path)
        filesystem, root = self._opened()
        if _scheme(self.location()) in ("file", "local"):
            below(Path(root), tail)  # follows links
        return filesystem, f"{root}/{tail}" if tail else root

    def _inside(self, path: str | None) -> str:
        """A path as a key; one that begins with the base is taken without it."""
        base = self.location().rstrip("/")
        return key(path.removeprefix(base).lstrip("/") if path and path.startswith(f"{base}/") else path)

    def _shown(self, path: str | None) -> str:
        """A path with the base before it."""
        base = self.location().rstrip("/") + ("//" if self.location().endswith("://") else "")
        tail = self._inside(path)
        return redact(f"{base}/{tail}" if tail else base)

    @contextmanager
    def _telling(self, done: str, path: str | None, missing_is_an_answer: bool = True) -> Iterator[None]:
        """What goes wrong names the file, and never a secret; the next call connects anew."""
        try:
            yield
        except OrionError:
            raise
        except Exception as error:
            if missing_is_an_answer and _is_missing(error):
                raise FileNotFoundError(f"There is no file {self._shown(path)}.") from error
            with suppress(Exception):
                type(self.filesystem).clear_instance_cache()
            raise self._failure(done, path, error) from error

    def _failure(self, done: str, path: str | None, error: Exception) -> StorageError:
        why = redact(" ".join(str(error).split())) or "no reason was given"
        return StorageError(f"{self._shown(path)} cannot be {done}: {type(error).__name__}: {why}")


def _is_missing(error: Exception) -> bool:
    """SMB's driver has an error of its own, with the number of the usual one."""
    known = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
    return isinstance(error, known) or getattr(error, "errno", None) == errno.ENOENT


def _scheme(url: str) -> str:
    return url.partition("://")[0]


def _put_whole(filesystem: Any, file: Path, full: str) -> None:
    """A large upload to S3 whose last answer was lost is ended twice by the driver, and the second time unknown.

    S3 may take minutes to put the parts together, longer than the driver waits. What counts is what lies there.
    """
    before = _lying(filesystem, full, file)
    try:
        filesystem.put_file(str(file), full, **_parts(filesystem, file))
    except FileNotFoundError as error:
        if "upload" not in str(error):
            raise
        after = _lying(filesystem, full, file)
        if after in (None, before) or after[0] != os.path.getsize(file):
            filesystem.put_file(str(file), full, **_parts(filesystem, file))


def _lying(filesystem: Any, full: str, file: Path) -> Any:
    """Size, tag and time of what lies in S3 where a large file goes; None if nothing does, or the file is small."""
    if "s3" not in filesystem.protocol or os.path.getsize(file) < 2 * PART:
        return None
    try:
        found = filesystem.info(full, refresh=True)
    except FileNotFoundError:
        return None
    return found["size"], found.get("ETag"), found.get("LastModified")


def _parts(filesystem: Any, file: Path) -> dict[str, Any]:
    """How a large file is cut for S3, whose driver would else hold 500 MB of it."""
    if "s3" not in filesystem.protocol:
        return {}
    return {"chunksize": max(PART, os.path.getsize(file) // PARTS), "max_concurrency": 4}


def _put_beside(filesystem: Any, file: Path, full: str) -> None:
    folder, _, name = full.rpartition("/")
    part = f"{folder}/.{name}.{uuid.uuid4().hex}"
    filesystem.makedirs(folder, exist_ok=True)
    try:
        filesystem.put_file(str(file), part)
        _mover(filesystem)(part, full)
    except BaseException:
        with suppress(Exception):
            filesystem.rm_file(part)
        raise


def _mover(filesystem: Any) -> Callable[[str, str], Any]:
    """What puts a file in the place of another; SMB's own `mv` refuses that."""
    if "smb" not in filesystem.protocol:
        move: Callable[[str, str], Any] = filesystem.mv
        return move
    import smbclient

    def unc(path: str) -> str:
        return f"\\\\{filesystem.host}" + path.replace("/", "\\")

    def replace(part: str, full: str) -> None:
        for pause in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, None):
            try:
                return smbclient.replace(unc(part), unc(full), port=filesystem._port)
            except OSError as error:
                if pause is None or getattr(error, "ntstatus", None) not in IN_USE:
                    raise
                time.sleep(pause)

    return replace
