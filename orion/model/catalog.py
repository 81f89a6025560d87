"""The built-in block types as data: `catalog.json`, written from the classes by `scripts/catalog.py`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from msgspec import Raw, Struct

from orion.model.wire import decode


class Entry(Struct, kw_only=True):
    """A built-in type with its schema; `fields` is the schema's text."""

    name: str
    slug: str
    logo_url: str | None = None
    documentation_url: str | None = None
    description: str | None = None
    code_example: str | None = None
    capabilities: list[str] = []
    checksum: str
    fields: Raw


@cache
def entries() -> tuple[Entry, ...]:
    """Every built-in type, by slug."""
    text = files(__package__).joinpath("catalog.json").read_bytes()
    found: tuple[Entry, ...] = decode(text, tuple[Entry, ...])
    return found


@cache
def slugs() -> frozenset[str]:
    return frozenset(entry.slug for entry in entries())
