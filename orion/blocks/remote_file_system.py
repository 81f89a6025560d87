"""Files anywhere that fsspec reaches: s3://, gs://, sftp://, memory:// and many more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from orion.blocks.fields import field
from orion.blocks.filesystem import FileSystem
from orion.blocks.paths import files, key, read_ignore_file
from orion.blocks.secrets import SecretDict
from orion.errors import Invalid

PIECE = 4 * 1024 * 1024


class RemoteFileSystem(FileSystem):
    """Files anywhere that fsspec reaches, below a base path; paths that lead out of it are refused.

    Example:
        from orion.blocks import RemoteFileSystem

        files = RemoteFileSystem(basepath="s3://bucket/folder", settings={"key": "...", "secret": "..."})
        files.write_path("2026/july.csv", b"...")
    """

    _block_type_name = "Remote File System"
    _block_type_slug = "remote-file-system"

    basepath: str = field(description="Scheme and path, such as s3://bucket/folder.")
    settings: SecretDict = field(
        default_factory=SecretDict, description="What fsspec's file system is made with."
    )

    def block_initialization(self) -> None:
        scheme, found, _ = self.basepath.partition("://")
        if not found or not scheme:
            raise Invalid(f"The base path {self.basepath!r} has no scheme: write it as s3://bucket/folder.")

    @property
    def filesystem(self) -> Any:
        """The file system of fsspec."""
        scheme = self.basepath.partition("://")[0]
        try:
            import fsspec

            return fsspec.filesystem(scheme, **self.settings.get_secret_value())
        except ImportError as error:
            extra = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}.get(
                scheme, "fsspec"
            )
            raise Invalid(
                f"{self.basepath} needs a driver that is not installed: pip install 'orion-server[{extra}]' ({error})"
            ) from None

    def read_path(self, path: str) -> bytes:
        content: bytes = self.filesystem.cat_file(self._full(path))
        return content

    def iter_path(self, path: str) -> Iterator[bytes]:
        with self.filesystem.open(self._full(path), "rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def write_path(self, path: str, content: bytes | Iterable[bytes]) -> str:
        """Write a file; its full path. The content may come in pieces."""
        full, filesystem = self._full(path), self.filesystem
        filesystem.makedirs(full.rpartition("/")[0], exist_ok=True)
        if isinstance(content, (bytes, bytearray, memoryview)):
            filesystem.pipe_file(full, bytes(content))
        else:
            with filesystem.open(full, "wb") as file:
                for piece in content:
                    file.write(piece)
        return full

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copy a folder to `local_path`; how many files."""
        source, target, filesystem = self._full(from_path), Path(local_path or ".").resolve(), self.filesystem
        root = filesystem._strip_protocol(source).rstrip("/")
        found = filesystem.find(source)
        for name in found:
            inside = key(name.removeprefix(root).lstrip("/"))
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(name, str(target / inside))
        if not found:
            raise FileNotFoundError(f"There is no folder {source}.")
        return len(found)

    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> int:
        """Copy the folder `local_path` to `to_path`; how many files."""
        source, filesystem, copied = Path(local_path or ".").resolve(), self.filesystem, 0
        for file, name in files(source, read_ignore_file(ignore_file, source)):
            full = self._full(f"{to_path or ''}/{name}".lstrip("/"))
            filesystem.makedirs(full.rpartition("/")[0], exist_ok=True)
            filesystem.put_file(str(file), full)
            copied += 1
        return copied

    def _full(self, path: str | None) -> str:
        """A path with the base before it; one that begins with the base already is taken as it is."""
        base = self.basepath.rstrip("/") + ("//" if self.basepath.endswith("://") else "")
        inside = path.removeprefix(base).lstrip("/") if path and path.startswith(f"{base}/") else path
        tail = key(inside)
        return f"{base}/{tail}" if tail else base
