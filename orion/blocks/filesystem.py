"""What every file system block can do. Paths are relative to its base and never lead out of it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from orion.blocks.api import in_a_loop
from orion.blocks.core import Block
from orion.errors import Invalid, OrionError

T = TypeVar("T")


class StorageError(OrionError, OSError):
    """The storage could not do what it was asked to."""


class MissingDriver(Invalid):
    """A package that the block needs is not installed."""

    def __init__(self, who: str, extra: str, why: object) -> None:
        super().__init__(
            f"{who} needs a driver that is not installed: pip install 'orion-server[{extra}]' ({why})"
        )


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
    """A block that does all four. The methods answer at once; where an event loop runs they are awaited instead."""

    def iter_path(self, path: str) -> Iterable[bytes]:
        """The content of a file in pieces, for files larger than memory; a backend may do better than this."""
        yield call(self.read_path, path)

    def has_path(self, path: str) -> Any:
        """Whether there is such a file; a backend may find out with less."""
        try:
            call(self.read_path, path)
        except FileNotFoundError:
            return False
        return True


def either(method: Callable[..., T]) -> Callable[..., Any]:
    """A method that blocks, made to be awaited where an event loop runs, which it then does not hold up."""

    @functools.wraps(method)
    def both(*args: Any, **kwargs: Any) -> Any:
        if in_a_loop():
            return asyncio.to_thread(method, *args, **kwargs)
        return method(*args, **kwargs)

    return both


def call(method: Callable[..., Any], *args: Any) -> Any:
    """What a method of a file system gives, sync or async, wherever this code runs; it blocks."""
    if in_a_loop():
        return _in_a_thread(lambda: call(method, *args))
    value = method(*args)
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value


def _in_a_thread(work: Callable[[], T]) -> T:
    """Run `work` where no event loop runs."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="orion-storage", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def pieces(content: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """Content that may come whole or in pieces, in pieces."""
    if isinstance(content, (bytes, bytearray, memoryview)):
        yield bytes(content)
    else:
        yield from content
