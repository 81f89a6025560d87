"""Takes the steps of blocks to the API: by blocking, or by awaiting where an event loop runs.

The clients are those that the package itself offers; they are imported when the first block is saved or loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from orion.blocks.steps import Ask, Steps
from orion.errors import OrionError
from orion.settings import temporary_settings

if TYPE_CHECKING:
    from orion import AsyncClient, SyncClient

T = TypeVar("T")


def run(steps: Steps[T]) -> Any:
    """What the steps come to; in code that runs in an event loop, a coroutine of it."""
    return _later(steps) if in_a_loop() else _now(steps)


def in_a_loop() -> bool:
    """Whether this code runs in an event loop."""
    if "asyncio" not in sys.modules:
        return False
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def blocking(steps: Steps[T], client: SyncClient) -> T:
    """What the steps come to, asked of this client."""
    answer: Any = None
    while True:
        try:
            wanted = _next(steps, answer)
        except StopIteration as end:
            value: T = end.value
            return value
        try:
            answer = getattr(client, wanted.name)(*wanted.args)
        except OrionError as error:
            answer = error


async def awaiting(steps: Steps[T], client: AsyncClient) -> T:
    """The same, awaited."""
    answer: Any = None
    while True:
        try:
            wanted = _next(steps, answer)
        except StopIteration as end:
            value: T = end.value
            return value
        try:
            answer = await getattr(client, wanted.name)(*wanted.args)
        except OrionError as error:
            answer = error


async def of_server(steps: Steps[T], url: str, key: str | None) -> T:
    """The same, asked of the API at a URL: for an agent, which is told it on its command line."""
    from orion import AsyncClient

    with temporary_settings({"ORION_API_URL": url, "ORION_API_KEY": key}):
        client = AsyncClient()
    async with client:
        return await awaiting(steps, client)


def _now(steps: Steps[T]) -> T:
    from orion import SyncClient

    with SyncClient() as client:
        return blocking(steps, client)


async def _later(steps: Steps[T]) -> T:
    from orion import AsyncClient

    async with AsyncClient() as client:
        return await awaiting(steps, client)


def _next(steps: Steps[Any], answer: Any) -> Ask:
    return steps.throw(answer) if isinstance(answer, OrionError) else steps.send(answer)
