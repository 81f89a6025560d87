"""Deletes of what much hangs on: in many small writes, so that nobody else waits for long."""

from __future__ import annotations

from typing import Any, Protocol

from orion.store import Lane, Store

BIT = 50


class Removable(Protocol):
    """A store module of objects with many runs: `shrink` takes some of them away, `delete` the rest."""

    @property
    def shrink(self) -> Any: ...
    @property
    def delete(self) -> Any: ...


async def bit_by_bit(store: Store, module: Removable, row_id: str) -> None:
    """Delete an object with its runs. What was cut off half-way is only smaller, and can be deleted again."""
    while await store.write(module.shrink, row_id, BIT, lane=Lane.LOW):
        pass
    await store.write(module.delete, row_id)
