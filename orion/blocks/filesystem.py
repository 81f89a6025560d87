"""What every file system block can do. Paths are relative to its base and never lead out of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orion.blocks.core import Block


class ReadableFileSystem(Block):
    """A block that reads files."""

    _block_schema_capabilities = ("read-path",)

    def read_path(self, path: str) -> Any:
        """The content of a file, as bytes; raises FileNotFoundError."""
        raise TypeError(f"{type(self).__name__} does not read files: it must define read_path")


class WritableFileSystem(Block):
    """A block that writes files."""

    _block_schema_capabilities = ("write-path",)

    def write_path(self, path: str, content: bytes) -> Any:
        """Write a file, whole or not at all, with the folders above it."""
        raise TypeError(f"{type(self).__name__} does not write files: it must define write_path")


class ReadableDeploymentStorage(Block):
    """A block that flows' code is fetched from."""

    _block_schema_capabilities = ("get-directory",)

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> Any:
        """Copy the folder `from_path` (the base itself, if None) into `local_path` (the working directory)."""
        raise TypeError(f"{type(self).__name__} holds no folders: it must define get_directory")


class WritableDeploymentStorage(Block):
    """A block that flows' code is uploaded to."""

    _block_schema_capabilities = ("put-directory",)

    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> Any:
        """Copy the folder `local_path` to `to_path`, without what the ignore file names; how many files."""
        raise TypeError(f"{type(self).__name__} takes no folders: it must define put_directory")


class FileSystem(
    ReadableFileSystem, WritableFileSystem, ReadableDeploymentStorage, WritableDeploymentStorage
):
    """A block that does all four. All methods block; async code calls them with `asyncio.to_thread`."""

    def iter_path(self, path: str) -> Iterable[bytes]:
        """The content of a file in pieces, for files larger than memory; a backend may do better than this."""
        yield self.read_path(path)
