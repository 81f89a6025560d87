"""The fields of a block: read from the annotations of its class, and their values brought into type."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec

from orion.blocks.secrets import SECRETS

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
PLAIN = (str, int, float, bool, type(None))


class Field(NamedTuple):
    """One field of a block class."""

    hint: Any
    default: Any = MISSING
    default_factory: Callable[[], Any] | None = None
    title: str | None = None
    description: str | None = None

    @property
    def required(self) -> bool:
        return self.default is MISSING and self.default_factory is None

    def fresh(self) -> Any:
        """A default of its own for each block."""
        return self.default_factory() if self.default_factory else copy.deepcopy(self.default)


def field(
    default: Any = MISSING,
    *,
    default_factory: Callable[[], Any] | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Any:
    """A field with more than a default: `tags: list[str] = field(default_factory=list, description="...")`."""
    return Field(Any, default, default_factory, title, description)


def declared(cls: type, hints: Mapping[str, Any]) -> dict[str, Field]:
    """The fields that a class adds or changes: its public annotations."""
    found = {}
    for name in inspect.get_annotations(cls):
        hint = hints.get(name, Any)
        if name.startswith("_") or get_origin(hint) is typing.ClassVar or hint is typing.ClassVar:
            continue
        given = cls.__dict__.get(name, MISSING)
        made = given if isinstance(given, Field) else Field(Any, given)
        found[name] = made._replace(hint=hint)
    return found


def is_block(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "_block_fields")


def coerce(value: Any, hint: Any, load: Callable[[type, Any], Any]) -> Any:
    """`value` as the type of `hint`; raises ValueError. `load` makes a block of a class from its data."""
    if hint is Any:
        return value
    if is_block(hint):
        return value if isinstance(value, hint) else load(hint, value)
    if hint in SECRETS:
        return _secret(value, hint)
    if not _is_own(hint):
        return _plain(value, hint)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return coerce(value, parts[0], load)
    if origin in (Union, UnionType):
        return _one_of(value, parts, load)
    return _collection(value, hint, origin, parts, load)


def _is_own(hint: Any) -> bool:
    """Whether a block or a secret stands somewhere in a hint."""
    return is_block(hint) or hint in SECRETS or any(_is_own(part) for part in _parts(hint))


def _parts(hint: Any) -> tuple[Any, ...]:
    return tuple(part for part in get_args(hint) if not isinstance(part, (str, int, bytes)))


def _secret(value: Any, hint: Any) -> Any:
    if isinstance(value, hint):
        return value
    wanted = {"SecretStr": str, "SecretDict": Mapping}.get(hint.__name__, object)
    if not isinstance(value, (wanted, *SECRETS)):
        raise ValueError(f"Expected a secret `{wanted.__name__.lower()}`, got `{type(value).__name__}`")
    return hint(value)


def _plain(value: Any, hint: Any) -> Any:
    try:
        return msgspec.convert(value, hint, strict=False, dec_hook=_other_type, from_attributes=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except TypeError:
        return value


def _other_type(kind: Any, value: Any) -> Any:
    plain = get_origin(kind) or kind
    if not isinstance(plain, type) or isinstance(value, plain):
        return value
    if issubclass(plain, PurePath) and isinstance(value, str):
        return plain(value)
    raise ValueError(f"Expected `{plain.__name__}`, got `{type(value).__name__}`")


def _one_of(value: Any, kinds: tuple[Any, ...], load: Callable[[type, Any], Any]) -> Any:
    if value is None and type(None) in kinds:
        return None
    faults = []
    for kind in kinds:
        try:
            return coerce(value, kind, load) if kind is not type(None) else coerce(value, type(None), load)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError("; ".join(dict.fromkeys(faults[:-1] if kinds[-1] is type(None) else faults)))


def _collection(
    value: Any, hint: Any, origin: Any, parts: tuple[Any, ...], load: Callable[[type, Any], Any]
) -> Any:
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"Expected an object, got `{type(value).__name__}`")
        return {coerce(k, parts[0], load): coerce(v, parts[1], load) for k, v in value.items()}
    if origin in (list, set, frozenset, tuple) or hasattr(origin, "__iter__"):
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise ValueError(f"Expected an array, got `{type(value).__name__}`")
        kind = origin if origin in (list, set, frozenset, tuple) else list
        return kind(coerce(item, parts[0], load) for item in value)
    raise ValueError(f"A block field cannot be of the type {hint}")
