"""From the bytes of a request to the struct a handler reads: limits first, then syntax, then shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from starlette.datastructures import FormData
from starlette.types import Receive

from orion.errors import Invalid, OrionError, TooLarge
from orion.model import wire
from orion.model.blocks import BlockDocumentCreate, BlockDocumentUpdate
from orion.web.call import Call

DEPTH_LIMIT = 100
ECHO_LIMIT = 64_000
NEVER_REPEATED = (BlockDocumentCreate, BlockDocumentUpdate)  # secrets stand in them

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_MANY_DIGITS = b"0" * 300
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"')
_NOT_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class UnsupportedMediaType(OrionError):
    """The API reads JSON only: send the header Content-Type: application/json."""

    status = 415


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read(receive: Receive, limit: int) -> bytes:
    """The whole body; refused with 413 as soon as it is over `limit` bytes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _read_on(receive, body, limit)
    elif message["type"] == "http.disconnect":
        raise Disconnected
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_on(receive: Receive, first: bytes, limit: int) -> bytes:
    parts, size, more = [first], len(first), True
    while more:
        if size > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is over the limit of {limit:,} bytes.")


async def api_body(call: Call, kind: Any, limit: int) -> Any:
    """The JSON body as `kind`; an empty body counts as `{}`."""
    length = call.headers.get("content-length")
    if length is not None and length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    body = await read(call.receive, limit)
    if not body.strip():
        return wire.decode(b"{}", kind)
    if not is_json(call.headers.get("content-type", "")):
        raise UnsupportedMediaType()
    return json_body(body, kind)


def is_json(content_type: str) -> bool:
    """Whether a content type means JSON: `application/json`, `application/x+json`, with or without parameters."""
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def json_body(body: bytes, kind: Any) -> Any:
    """`body` as `kind`, refusing what neither database can keep or what is made to hurt."""
    try:
        value = wire.decode(body, kind)
        _refuse_oddities(body)
    except Invalid as fault:
        if fault.detail is not None:
            fault.detail = _of_half_a_pair(body) or fault.detail
            fault.extra["request_body"] = None if kind in NEVER_REPEATED else _echo(body)
        raise
    return value


def _refuse_oddities(body: bytes) -> None:
    if not body.isascii() and not _is_utf8(body):
        raise _fault("a text is not valid UTF-8", "value_error.utf8")
    if b"\\u0000" in body and _NUL.search(body):
        at = _place_of(wire.decode(body, Any), _has_nul) or []
        raise _fault("a text may not hold the character NUL", "value_error.nul", at)
    if depth_over(body, DEPTH_LIMIT):
        raise _fault(f"nested more than {DEPTH_LIMIT} deep", "value_error.depth")
    if _may_be_wild(body):
        wire.decode(body, Any)


def typed_json(text: str, kind: Any = Any) -> Any:
    """The JSON that somebody typed into a field; `msgspec.DecodeError` where it is none, or nested too deeply."""
    if depth_over(text.encode("utf-8", "replace"), DEPTH_LIMIT):
        raise msgspec.DecodeError(f"nested more than {DEPTH_LIMIT} deep")
    return msgspec.json.decode(text, type=kind)


def _may_be_wild(body: bytes) -> bool:
    """Whether there may be a number too large to be kept: a quick look, since ids can hold much the same."""
    plain = body.translate(_DIGITS)
    return _MANY_DIGITS in plain or b"0e000" in plain or b"0e+000" in plain


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def depth_over(body: bytes, most: int) -> bool:
    """Whether valid JSON nests brackets more than `most` deep; linear, without a parser."""
    if body.count(b"{") + body.count(b"[") <= most:
        return False
    bare = _ESCAPE.sub(b"", body) if b"\\" in body else body
    marks = _STRING.sub(b"", bare.translate(None, _NOT_MARKS))
    for _ in range(most):
        if not marks:
            return False
        marks = marks.replace(b"{}", b"").replace(b"[]", b"")
    return bool(marks)


def _fault(message: str, kind: str, at: Iterable[Any] = ()) -> Invalid:
    return Invalid(detail=[{"loc": ["body", *at], "msg": message, "type": kind}])


def _has_nul(text: str) -> bool:
    return "\0" in text


def _has_half_a_pair(text: str) -> bool:
    return _HALF.search(text) is not None


def _of_half_a_pair(body: bytes) -> list[dict[str, Any]] | None:
    """The fault of JSON that holds half a pair of surrogates, which no decoder but Python's own reads; else None."""
    if len(body) > ECHO_LIMIT or not _ESCAPED_HALF.search(body):
        return None
    try:
        at = _place_of(json.loads(body), _has_half_a_pair)
    except (ValueError, RecursionError):
        return None
    message = "a text holds half of a pair of surrogates"
    return None if at is None else [{"loc": ["body", *at], "msg": message, "type": "value_error.surrogate"}]


def _place_of(value: Any, odd: Callable[[str], bool]) -> list[Any] | None:
    """Where the first text stands that is odd, a key or a value; None without one."""
    if isinstance(value, str):
        return [] if odd(value) else None
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in steps:
        if isinstance(key, str) and odd(key):
            return []
        if (found := _place_of(each, odd)) is not None:
            return [key, *found]
    return None


def _echo(body: bytes) -> Any:
    """The body as the answer repeats it: short and valid JSON, else nothing."""
    if len(body) > ECHO_LIMIT:
        return None
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def bounded(raw: Any, limit: int, what: str) -> None:
    """Refuse opaque JSON that is over `limit` bytes; `what` names it in the refusal."""
    if isinstance(raw, msgspec.Raw) and len(bytes(raw)) > limit:
        raise TooLarge(
            f"{what} are over the limit of {limit:,} bytes: store the value and pass a reference to it."
        )


async def form_body(call: Call, limit: int) -> FormData:
    """The fields of a form; other content types have none."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read(call.receive, limit)
    if not body:
        return FormData()
    if media not in _FORMS:
        raise UnsupportedMediaType(
            "A form is sent as application/x-www-form-urlencoded or multipart/form-data."
        )
    form = await _form(call, body)
    if any("\0" in text for pair in form.multi_items() for text in pair if isinstance(text, str)):
        raise Invalid("A field of the form holds the character NUL.")
    return form


async def _form(call: Call, body: bytes) -> FormData:
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        return await Request(call.scope, receive).form(max_files=0, max_fields=2000)
    except HTTPException as error:
        raise Invalid(f"The form cannot be read: {error.detail}") from None
