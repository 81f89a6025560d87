"""Keeps secrets out of what leaves the process: every secret value seen here, and what looks like one."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Any

from orion.vault import MASK

SHORTEST = 4  # a shorter value stands in too many innocent words

_URL = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic|token)?\s*)[^\s'\",;]{4,}")

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None
_lock = threading.Lock()


def remember(value: Any) -> None:
    """Hide this value, and every text inside it, from now on."""
    new = {form for text in _texts(value) for form in _forms(text)} - _known
    if not new:
        return
    global _pattern
    with _lock:
        _known.update(new)
        longest_first = sorted(_known, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def redact(text: str) -> str:
    """The text without secrets."""
    if _pattern is not None:
        text = _pattern.sub(MASK, text)
    if "://" in text and "@" in text:
        text = _URL.sub(rf"\g<scheme>:{MASK}@", text)
    if "uthorization" in text or "UTHORIZATION" in text:
        text = _HEADER.sub(rf"\g<1>{MASK}", text)
    return text


def forget() -> None:
    """Forget every value, for tests."""
    global _pattern
    with _lock:
        _known.clear()
        _pattern = None


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case bytes():
            yield value.decode(errors="replace")
        case bool() | None:
            return
        case int() | float():
            yield str(value)
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple() | set():
            for inner in value:
                yield from _texts(inner)


def _forms(text: str) -> Iterable[str]:
    """The text as it is, each of its longer lines, and as `repr`, JSON and URLs would write it."""
    import json
    from urllib.parse import quote

    lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= 16]
    for part in (text.strip(), *lines):
        if len(part) >= SHORTEST:
            yield from {part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe="")}
