"""Huey as it is used here. It would load the drivers of every database it knows: 0.1 s that nobody needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

DRIVERS = ("psycopg", "redis")


@contextmanager
def _without_drivers() -> Iterator[None]:
    """Let an import of a driver fail that nobody has imported yet; Huey takes it for not installed."""
    hidden = [name for name in DRIVERS if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without_drivers():
    import huey.storage
    from huey import Huey, MemoryHuey, PostgresHuey, SqliteHuey
    from huey.consumer import Consumer, Scheduler, Worker
    from huey.registry import Message
    from huey.serializer import Serializer


def need_psycopg() -> None:
    """Give Huey the driver of PostgreSQL after all."""
    import psycopg

    huey.storage.psycopg = psycopg


__all__ = [
    "Consumer",
    "Huey",
    "MemoryHuey",
    "Message",
    "PostgresHuey",
    "Scheduler",
    "Serializer",
    "SqliteHuey",
    "Worker",
    "need_psycopg",
]
