"""JSON patches (RFC 6902): changes to a document, as a list of operations."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from orion.errors import Invalid


def patched(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """The document after all operations; the one given is left as it is."""
    holder = {"": copy.deepcopy(document)}
    for number, operation in enumerate(operations, 1):
        try:
            _apply(holder, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise Invalid(f"Patch {number} ({dict(operation)}) cannot be applied: {error}") from None
    return holder[""]


def _apply(holder: dict[str, Any], operation: Mapping[str, Any]) -> None:
    path = _steps(operation["path"])
    match operation["op"]:
        case "add":
            _add(holder, path, copy.deepcopy(operation["value"]))
        case "remove":
            _remove(holder, path)
        case "replace":
            _remove(holder, path)
            _add(holder, path, copy.deepcopy(operation["value"]))
        case "move":
            if operation["path"].startswith(f"{operation['from']}/"):
                raise ValueError("a value cannot be moved into itself")
            _add(holder, path, _remove(holder, _steps(operation["from"])))
        case "copy":
            _add(holder, path, copy.deepcopy(_get(holder, _steps(operation["from"]))))
        case "test":
            if _get(holder, path) != operation["value"]:
                raise ValueError(f"there is {_get(holder, path)!r}")
        case other:
            raise ValueError(f"{other!r} is no operation")


def _steps(path: str) -> list[str]:
    """The steps of a JSON pointer, beginning with the one to the whole document."""
    if path and not path.startswith("/"):
        raise ValueError(f"the path {path!r} does not begin with /")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _get(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        value = value[_index(value, step) if isinstance(value, list) else step]
    return value


def _add(holder: dict[str, Any], path: Sequence[str], value: Any) -> None:
    parent, last = _get(holder, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, past_end=True), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise ValueError(f"{'/'.join(path[:-1])} is neither an object nor a list")


def _remove(holder: dict[str, Any], path: Sequence[str]) -> Any:
    parent, last = _get(holder, path[:-1]), path[-1]
    return parent.pop(_index(parent, last) if isinstance(parent, list) else last)


def _index(parent: list[Any], step: str, *, past_end: bool = False) -> int:
    if not step.isdecimal() or (step != "0" and step.startswith("0")):
        raise ValueError(f"{step!r} is no index of a list")
    if int(step) >= len(parent) + past_end:
        raise IndexError(f"the list has {len(parent)} items, so there is no {step}")
    return int(step)
