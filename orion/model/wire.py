"""JSON as it travels: one encoder, one decoder, and opaque JSON that passes through unchanged."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from orion.errors import Invalid
from orion.model.times import WholeSecond, iso

T = TypeVar("T")

NULL = Raw(b"null")
EMPTY_OBJECT = Raw(b"{}")


def _hook(value: Any) -> Any:
    if isinstance(value, WholeSecond):
        return iso(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
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
        return decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(detail=[_fault(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(detail=[{"loc": ["body"], "msg": str(error), "type": "value_error.jsondecode"}]) from None
    except RecursionError:
        raise Invalid(detail=[{"loc": ["body"], "msg": "nested too deeply", "type": "value_error.depth"}]) from None


def raw(value: Any) -> Raw:
    """A Python value as opaque JSON."""
    return value if isinstance(value, Raw) else Raw(_encoder.encode(value))


def unraw(value: Raw | bytes | None) -> Any:
    """Opaque JSON as a Python value; None for None."""
    return None if value is None else msgspec.json.decode(value)


def text(value: Raw | None) -> str | None:
    """Opaque JSON as the text that is stored; None for None."""
    return None if value is None else bytes(value).decode()


_PLACE = re.compile(r"^(?P<msg>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def _fault(message: str) -> dict[str, Any]:
    found = _PLACE.match(message)
    path = (found and found["path"]) or ""
    steps: list[Any] = [name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(path)]
    kind = "value_error.missing" if "missing required" in message else "value_error"
    return {"loc": ["body", *steps], "msg": (found and found["msg"]) or message, "type": kind}
