"""The data of block documents: sealed as a whole, and secret fields hidden when it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Raw

from orion.model.wire import raw, unraw
from orion.vault import MASK, Vault

SEALED = "$sealed"


def seal(data: Any, vault: Vault) -> Raw:
    """A document's data as it is stored."""
    return raw({SEALED: vault.seal(data)})


def unseal(stored: Raw, vault: Vault) -> Any:
    """A document's data in clear, from what is stored."""
    return vault.open(unraw(stored)[SEALED])


def reseal(stored: Raw | bytes, vault: Vault) -> Raw:
    """What is stored, sealed with the vault's first key."""
    return raw({SEALED: vault.renew(unraw(stored)[SEALED])})


def secret_paths(fields: Any) -> list[list[str]]:
    """The dotted paths under `secret_fields` of a schema: `headers.*` is every key of headers."""
    named = fields.get("secret_fields") if isinstance(fields, dict) else None
    return [path.split(".") for path in named or () if isinstance(path, str)]


def masked(data: Any, paths: Iterable[list[str]]) -> Any:
    """The data with every secret hidden."""
    for path in paths:
        data = _at(data, path, lambda value: None if value is None else MASK)
    return data


def keep_masked(new: Any, old: Any, shown: Any) -> Any:
    """`new`, with the values of `old` where the sender only sent back what it was shown in their place."""
    if new == shown and new is not None:
        return old
    if isinstance(new, dict) and isinstance(old, dict) and isinstance(shown, dict):
        return {
            name: keep_masked(value, old[name], shown.get(name)) if name in old else value
            for name, value in new.items()
        }
    if isinstance(new, list) and isinstance(old, list) and isinstance(shown, list) and len(new) == len(old):
        return [keep_masked(*parts) for parts in zip(new, old, shown, strict=True)]
    return new


def _at(data: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """`data` with the value at `path` changed; a path that leads nowhere changes nothing."""
    if not path:
        return change(data)
    if isinstance(data, list):
        return [_at(item, path[1:] if path[0] == "*" else path, change) for item in data]
    if not isinstance(data, dict):
        return data
    names = list(data) if path[0] == "*" else [path[0]] if path[0] in data else []
    return {**data, **{name: _at(data[name], path[1:], change) for name in names}}
