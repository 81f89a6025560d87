"""Walks through the collections of an argument to find futures and states, and to put data in their place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

ATOMS = frozenset((int, float, str, bytes, bool, type(None), complex, bytearray))

Visit = Callable[[Any], Any]


def replace(value: Any, visit: Visit) -> Any:
    """`value` with `visit(leaf)` in place of every leaf; the same object where nothing changed."""
    kind = type(value)
    if kind in ATOMS:
        return visit(value)
    if kind in (list, tuple, set, frozenset):
        items = [replace(item, visit) for item in value]
        return value if all(map(_same, items, value)) else kind(items)
    if isinstance(value, dict):
        return _replace_dict(value, visit)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [replace(item, visit) for item in value]
        return value if all(map(_same, items, value)) else type(value)(*items)
    if isinstance(value, list):
        items = [replace(item, visit) for item in value]
        return value if all(map(_same, items, value)) else items
    if _is_dataclass(value):
        return _replace_fields(value, visit)
    return visit(value)


def walk(value: Any, visit: Callable[[Any], bool]) -> None:
    """Show `visit` the value and everything inside it; where it answers True it is not looked into."""
    if visit(value) or type(value) in ATOMS:
        return
    for part in _parts(value):
        walk(part, visit)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if _is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, name) for name in value.__dataclass_fields__ if hasattr(value, name)]
    return ()


def _same(new: Any, old: Any) -> bool:
    return new is old


def _replace_dict(value: dict[Any, Any], visit: Visit) -> dict[Any, Any]:
    pairs = [(replace(k, visit), replace(v, visit)) for k, v in value.items()]
    if all(k is ok and v is ov for (k, v), (ok, ov) in zip(pairs, value.items(), strict=True)):
        return value
    return dict(pairs)


def _is_dataclass(value: Any) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def _replace_fields(value: Any, visit: Visit) -> Any:
    dataclasses = sys.modules.get("dataclasses")
    if dataclasses is None:
        return visit(value)
    names = [f.name for f in dataclasses.fields(value) if f.init and hasattr(value, f.name)]
    changes = {}
    for name in names:
        before = getattr(value, name)
        after = replace(before, visit)
        if after is not before:
            changes[name] = after
    return dataclasses.replace(value, **changes) if changes else visit(value)
