"""Huey's own queue: a file beside the SQLite database, tables in PostgreSQL, or a Redis. Messages are JSON."""

from __future__ import annotations

import hashlib
import json
import random
import time
from pathlib import Path
from typing import Any

from orion.errors import DatabaseError
from orion.settings import Settings
from orion.store.url import Place, mask, parse

from .hueys import (
    Huey,
    MemoryHuey,
    Message,
    PostgresHuey,
    RedisHuey,
    Serializer,
    SqliteHuey,
    need_psycopg,
    need_redis,
)

NAME = "orion"
REDIS = ("redis://", "rediss://", "unix://")
OPTIONS: dict[str, Any] = {"results": False, "store_none": False, "utc": True}


class JsonSerializer(Serializer):
    """A message as a JSON list of its fields. Ours hold a name and no arguments."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


def open_queue(settings: Settings) -> Huey:
    """The queue that the settings name, by default beside the database; emptied first."""
    url = settings.clock_url
    if url and url.lower().startswith(REDIS):
        return _redis(url, settings.database_url)
    queue = _opened(parse(url or settings.database_url), beside=not url)
    queue.flush()
    return queue


def _redis(url: str, database_url: str) -> Huey:
    """A list in a Redis, of this database alone: several may share the Redis."""
    need_redis()
    name = f"{NAME}{hashlib.sha256(database_url.encode()).hexdigest()[:12]}"
    try:
        queue = RedisHuey(name, url=url, blocking=False, serializer=JsonSerializer(), **OPTIONS)
        queue.flush()
    except Exception as error:
        why = " ".join(str(error).split())
        raise DatabaseError(f"The clock's queue at {mask(url)} cannot be reached: {why}") from None
    return queue


def _opened(place: Place, *, beside: bool) -> Huey:
    """Two clocks that make Huey's tables at the same moment get in each other's way once."""
    try:
        return _open(place, beside=beside)
    except Exception:
        time.sleep(random.uniform(0.2, 1.0))
        return _open(place, beside=beside)


def _open(place: Place, *, beside: bool) -> Huey:
    options = {**OPTIONS, "serializer": JsonSerializer()}
    if place.dialect == "postgres":
        need_psycopg()
        return PostgresHuey(NAME, dsn=place.url, blocking=False, table_prefix="orion_clock", **options)
    if place.path is None:
        return MemoryHuey(NAME, **options)
    path: Path = place.path.with_name(f"{place.path.stem}-clock.db") if beside else place.path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SqliteHuey(NAME, filename=str(path), fsync=False, cache_mb=1, **options)
