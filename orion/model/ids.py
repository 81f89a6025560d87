"""Identifiers: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from typing import Annotated

from msgspec import Meta

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

Id = Annotated[str, Meta(pattern=UUID_PATTERN, extra_json_schema={"format": "uuid"})]

_lock = threading.Lock()
_last = 0
_random = random.Random()  # nobody's seed reaches it, and a forked process gets its own
os.register_at_fork(after_in_child=_random.seed)


def new_id() -> str:
    """A new UUIDv7: never smaller than the one this process made before."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """As many new UUIDv7s, ascending."""
    global _last
    with _lock:
        first = max(time.time_ns() // 1_000 * 4, _last + 1)
        _last = first + count - 1
    return [_text(stamp) for stamp in range(first, first + count)]


def _text(stamp: int) -> str:
    millis, fraction = divmod(stamp, 4_000)
    whole = millis << 80 | 0x7000 + fraction << 64 | 0x8000000000000000 | _random.getrandbits(62)
    text = f"{whole:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Whether `text` is a UUID in the form that orion keeps: lower case, with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
