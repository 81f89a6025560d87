"""Choices in the order in which they were written: schemas of msgspec's sort those of an Enum or a Literal."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

from orion.sdk.parameters import hints


def as_written(schema: Any, hint: Any) -> None:
    """Put each `enum` in a schema, however deep, in the order that the hint has it in."""
    _sort(schema, {frozenset(choices): choices for choices in _choices(hint, set())})


def _choices(hint: Any, seen: set[type]) -> Iterator[list[Any]]:
    if typing.get_origin(hint) is Literal:
        yield list(typing.get_args(hint))
        return
    for part in typing.get_args(hint):
        yield from _choices(part, seen)
    if not isinstance(hint, type) or hint in seen:
        return
    seen.add(hint)
    if issubclass(hint, Enum):
        yield [member.value for member in hint]
    for part in hints(hint).values():
        yield from _choices(part, seen)


def _sort(schema: Any, orders: dict[frozenset[Any], list[Any]]) -> None:
    if isinstance(schema, list | tuple):
        for part in schema:
            _sort(part, orders)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("enum"), list):
        schema["enum"] = orders.get(frozenset(schema["enum"]), schema["enum"])
    for name, part in schema.items():
        if name not in ("enum", "default"):
            _sort(part, orders)
