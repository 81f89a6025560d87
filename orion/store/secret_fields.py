"""Secret fields of block documents: sealed when stored, masked or opened when read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from orion.vault import MASK, Vault

SEALED = "$sealed"


def secret_paths(fields: Any) -> list[list[str]]:
    """The dotted paths under `secret_fields` of a schema: `headers.*` is every key of headers."""
    named = fields.get("secret_fields") if isinstance(fields, dict) else None
    return [path.split(".") for path in named or () if isinstance(path, str)]


def seal(data: Any, paths: Iterable[list[str]], vault: Vault) -> Any:
    """The data with every secret encrypted."""
    return _each(
        data, paths, lambda value: value if value is None or is_sealed(value) else {SEALED: vault.seal(value)}
    )


def unseal(data: Any, paths: Iterable[list[str]], vault: Vault) -> Any:
    """The data with every secret in clear."""
    return _each(data, paths, lambda value: vault.open(value[SEALED]) if is_sealed(value) else value)


def masked(data: Any, paths: Iterable[list[str]]) -> Any:
    """The data with every secret hidden."""
    return _each(data, paths, lambda value: None if value is None else MASK)


def is_sealed(value: Any) -> bool:
    """Whether a value is the encrypted form of a secret."""
    return isinstance(value, dict) and value.keys() == {SEALED}


def keep_masked(new: Any, old: Any, shown: Any) -> Any:
    """`new`, with the values of `old` where the sender only sent back the mask that it was shown."""
    if isinstance(new, dict) and isinstance(old, dict) and isinstance(shown, dict):
        return {
            name: keep_masked(value, old[name], shown.get(name)) if name in old else value
            for name, value in new.items()
        }
    return old if new == shown and new is not None else new


def _each(data: Any, paths: Iterable[list[str]], change: Callable[[Any], Any]) -> Any:
    for path in paths:
        data = _at(data, path, change)
    return data


def _at(data: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """`data` with the value at `path` changed; a path that leads nowhere changes nothing."""
    if not path:
        return change(data)
    if isinstance(data, list):
        return [_at(item, path[1:] if path[0] == "*" else path, change) for item in data]
    if not isinstance(data, dict) or is_sealed(data):
        return data
    names = list(data) if path[0] == "*" else [path[0]] if path[0] in data else []
    return {**data, **{name: _at(data[name], path[1:], change) for name in names}}
