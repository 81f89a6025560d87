"""Identifiers: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import Annotated

from msgspec import Meta

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

Id = Annotated[str, Meta(pattern=UUID_PATTERN, extra_json_schema={"format": "uuid"})]

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new UUIDv7: never smaller than the one this process made before."""
    global _last
    with _lock:
        stamp = max(time.time_ns() // 1_000 * 4, _last + 1)
        _last = stamp
    millis, fraction = divmod(stamp, 4_000)
    high = f"{millis:012x}7{fraction:03x}"
    low = (int.from_bytes(os.urandom(8), "big") & 0x3FFFFFFFFFFFFFFF) | 0x8000000000000000
    tail = f"{low:016x}"
    return f"{high[:8]}-{high[8:12]}-{high[12:]}-{tail[:4]}-{tail[4:]}"


def is_id(text: str) -> bool:
    """Whether `text` is a UUID in the form that orion keeps: lower case, with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
