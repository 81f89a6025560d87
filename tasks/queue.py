"""Huey's own queue: a file beside the SQLite database, or tables in PostgreSQL. Messages are JSON."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

from orion.settings import Settings
from orion.store.url import Place, parse

from .hueys import Huey, MemoryHuey, Message, PostgresHuey, Serializer, SqliteHuey, need_psycopg

NAME = "orion"


class JsonSerializer(Serializer):
    """A message as a JSON list of its fields. Ours hold a name and no arguments."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


def open_queue(settings: Settings) -> Huey:
    """The queue that the settings name, by default beside the database; emptied first."""
    place = parse(settings.clock_url) if settings.clock_url else parse(settings.database_url)
    queue = _opened(place, beside=not settings.clock_url)
    queue.flush()
    return queue


def _opened(place: Place, *, beside: bool) -> Huey:
    """Two clocks that make Huey's tables at the same moment get in each other's way once."""
    try:
        return _open(place, beside=beside)
    except Exception:
        time.sleep(random.uniform(0.2, 1.0))
        return _open(place, beside=beside)


def _open(place: Place, *, beside: bool) -> Huey:
    options = {"results": False, "store_none": False, "utc": True, "serializer": JsonSerializer()}
    if place.dialect == "postgres":
        need_psycopg()
        return PostgresHuey(NAME, dsn=place.url, blocking=False, table_prefix="orion_clock", **options)
    if place.path is None:
        return MemoryHuey(NAME, **options)
    path: Path = place.path.with_name(f"{place.path.stem}-clock.db") if beside else place.path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SqliteHuey(NAME, filename=str(path), fsync=False, cache_mb=1, **options)
