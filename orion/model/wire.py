"""JSON as it travels: one encoder, one decoder, and opaque JSON that passes through unchanged."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Raw, Struct

from orion.errors import Invalid
from orion.model.times import WholeSecond, iso

T = TypeVar("T")

if TYPE_CHECKING:
    Json: TypeAlias = Raw | None
    JsonObject: TypeAlias = Raw | None
else:  # msgspec refuses an object where Raw may also be None; `Body` turns null into None
    Json = Raw
    JsonObject = Annotated[Raw, Meta(extra={"json": "object"})]

NULL = Raw(b"null")
EMPTY_OBJECT = Raw(b"{}")


def _hook(value: Any) -> Any:
    if isinstance(value, WholeSecond):
        return iso(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, str):
        return str(value)  # markup of a page, which is a text of its own kind
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_hook)


def encode(value: Any) -> bytes:
    """`value` (structs, dicts, lists, Raw) as JSON bytes."""
    return _encoder.encode(value)


@lru_cache(maxsize=512)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The (cached) decoder of a type."""
    return msgspec.json.Decoder(kind)


def decode(body: bytes | str, kind: type[T] | Any) -> T:
    """`body` as `kind`; raises `Invalid` with the place and the reason."""
    try:
        return cast(T, decoder(cast(Any, kind)).decode(body))
    except msgspec.ValidationError as error:
        raise Invalid(detail=[_fault(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            detail=[{"loc": ["body"], "msg": str(error), "type": "value_error.jsondecode"}]
        ) from None
    except RecursionError:
        raise Invalid(
            detail=[{"loc": ["body"], "msg": "nested too deeply", "type": "value_error.depth"}]
        ) from None


class Body(Struct):
    """A body with opaque JSON: null becomes None (or `{}` where there is always a value), objects are objects."""

    def __post_init__(self) -> None:
        for name, nothing, is_object in _opaque_fields(type(self)):
            value = getattr(self, name)
            if type(value) is not Raw:
                continue
            if value == NULL:
                setattr(self, name, nothing)
            elif is_object and bytes(memoryview(value)[:1]) != b"{":
                raise ValueError(f"`{name}` is a JSON object")


@lru_cache(maxsize=128)
def _opaque_fields(kind: type[Struct]) -> tuple[tuple[str, Any, bool], ...]:
    """The opaque fields of a struct: name, what null means, whether only an object will do."""
    found = []
    for field in msgspec.structs.fields(kind):
        options = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
        if Raw in options:
            found.append((field.name, NULL if field.default is NODEFAULT else field.default, False))
        elif any(Raw in get_args(option) for option in options):
            always = field.default is EMPTY_OBJECT
            found.append((field.name, EMPTY_OBJECT if always else None, True))
    return tuple(found)


def raw(value: Any) -> Raw:
    """A Python value as opaque JSON."""
    return value if isinstance(value, Raw) else Raw(_encoder.encode(value))


def unraw(value: Raw | bytes | None) -> Any:
    """Opaque JSON as a Python value; None for None."""
    return None if value is None else msgspec.json.decode(value)


def text(value: Raw | None) -> str | None:
    """Opaque JSON as the text that is stored; None for None."""
    return None if value is None else bytes(value).decode()


def in_words(fault: str) -> str:
    """What the decoder said is wrong, without the pattern of names."""
    return "a name has none of / % & > < in it" if "matching regex '^[^/%&><" in fault else fault


_PLACE = re.compile(r"^(?P<msg>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^`(\w+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def _fault(message: str) -> dict[str, Any]:
    found = _PLACE.match(message)
    path = (found and found["path"]) or ""
    if not path and (named := _NAMED.match(message)):
        path = f"$.{named[1]}"
    steps: list[Any] = [
        name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(path)
    ]
    text = in_words((found and found["msg"]) or message)
    kind = "value_error.missing" if "missing required" in message else "value_error"
    return {"loc": ["body", *steps], "msg": text, "type": kind}
