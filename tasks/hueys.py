"""Huey as it is used here. It would load the drivers of every database it knows: 0.1 s that nobody needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from orion.errors import SettingError

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
    from huey import Huey, MemoryHuey, PostgresHuey, RedisHuey, SqliteHuey
    from huey.consumer import Consumer, Scheduler, Worker
    from huey.registry import Message
    from huey.serializer import Serializer


def need_psycopg() -> None:
    """Give Huey the driver of PostgreSQL after all."""
    import psycopg

    huey.storage.psycopg = psycopg


def need_redis() -> None:
    """Give Huey the driver of Redis after all."""
    try:
        import redis
    except ImportError:
        raise SettingError(
            "ORION_CLOCK_URL names a Redis, but its driver is not installed: pip install 'orion-server[redis]'."
        ) from None
    storage = huey.storage
    storage.Redis, storage.ConnectionPool = redis.Redis, redis.ConnectionPool
    storage.ConnectionError, storage.TimeoutError = redis.ConnectionError, redis.TimeoutError
    storage.RedisStorage.redis_client = redis.Redis


__all__ = [
    "Consumer",
    "Huey",
    "MemoryHuey",
    "Message",
    "PostgresHuey",
    "RedisHuey",
    "Scheduler",
    "Serializer",
    "SqliteHuey",
    "Worker",
    "need_psycopg",
    "need_redis",
]
