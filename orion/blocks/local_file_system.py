"""Files on this machine, below a folder."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from orion.blocks.fields import field
from orion.blocks.filesystem import FileSystem, either, pieces
from orion.blocks.paths import below, files, ignoring, read_ignore_file

PIECE = 1024 * 1024


class LocalFileSystem(FileSystem):
    """Files on this machine, below a folder; paths that lead out of it are refused.

    Example:
        from orion.blocks import LocalFileSystem

        files = LocalFileSystem(basepath="/srv/reports")
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "Local File System"
    _block_type_slug = "local-file-system"

    basepath: str | None = field(None, description="The folder; the working directory if it is left out.")

    @property
    def base(self) -> Path:
        """The folder itself."""
        return Path(self.basepath or ".").expanduser().resolve()

    @either
    def read_path(self, path: str) -> bytes:
        return below(self.base, path).read_bytes()

    def iter_path(self, path: str) -> Iterator[bytes]:
        with open(below(self.base, path), "rb") as file:
            while piece := file.read(PIECE):
                yield piece

    @either
    def has_path(self, path: str) -> bool:
        return below(self.base, path).is_file()

    @either
    def write_path(self, path: str, content: bytes | Iterable[bytes]) -> str:
        """Write a file, whole or not at all; its full path. The content may come in pieces."""
        target = below(self.base, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with open(part, "xb") as file:
                for piece in pieces(content):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return str(target)

    @either
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copy a folder to `local_path`; how many files."""
        return _copy(below(self.base, from_path), Path(local_path or ".").resolve(), ignoring())

    @either
    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> int:
        """Copy the folder `local_path` to `to_path`; how many files."""
        source = Path(local_path or ".").resolve()
        return _copy(source, below(self.base, to_path), read_ignore_file(ignore_file, source))


def _copy(source: Path, target: Path, ignored: Callable[[str, bool], bool]) -> int:
    if not source.is_dir():
        raise NotADirectoryError(f"There is no folder {source}.")
    if source == target:
        return 0
    copied = 0
    for file, name in list(files(source, ignored)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / name)
        copied += 1
    return copied
