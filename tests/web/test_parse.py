"""Bodies: limits, syntax, shape, and what neither database can keep."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import DecodeError, Raw, Struct

from orion.errors import Invalid, TooLarge
from orion.web import parse
from orion.web.errors import describe


class Thing(Struct):
    name: str
    data: Raw = Raw(b"null")


def receive_of(*chunks: bytes) -> Any:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


def test_a_body_in_pieces_is_put_together() -> None:
    assert asyncio.run(parse.read(receive_of(b"ab", b"", b"cd"), 10)) == b"abcd"


@pytest.mark.parametrize("chunks", [(b"a" * 11,), (b"a" * 6, b"a" * 6), (b"a" * 6, b"a" * 6, b"never read")])
def test_a_body_over_the_limit_is_refused_while_it_streams(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(TooLarge, match="10 bytes"):
        asyncio.run(parse.read(receive_of(*chunks), 10))


def test_a_client_that_leaves_is_noticed() -> None:
    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(parse.Disconnected):
        asyncio.run(parse.read(leave, 10))


@pytest.mark.parametrize(
    ("depth", "refused"),
    [(99, False), (100, True), (400, True)],
)
def test_nesting_over_a_hundred_is_refused(depth: int, refused: bool) -> None:
    body = b'{"name": "a", "data": ' + b"[" * depth + b"]" * depth + b"}"
    if refused:
        with pytest.raises(Invalid) as caught:
            parse.json_body(body, Thing)
        assert caught.value.detail is not None
    else:
        assert bytes(parse.json_body(body, Thing).data) == b"[" * depth + b"]" * depth


def test_brackets_inside_texts_do_not_count_as_depth() -> None:
    body = rb'{"name": "' + rb"[{\"[" * 200 + rb'", "data": [1, {"a": "]"}]}'
    assert not parse.depth_over(body, 100)


@pytest.mark.parametrize(
    "data",
    [
        rb'"a\u0000b"',
        rb'"a\\\u0000"',
        rb"NaN",
        rb"Infinity",
        rb"1e999",
        b"1" * 5000,
        rb'"\ud800"',
        b'"\xff"',
        b'{"a": 1,}',
        b"[1, 2",
    ],
)
def test_what_no_database_can_keep_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        parse.json_body(b'{"name": "a", "data": ' + data + b"}", Thing)


def test_a_backslash_before_u0000_is_only_text() -> None:
    assert bytes(parse.json_body(rb'{"name": "a", "data": "\\u0000"}', Thing).data) == rb'"\\u0000"'


def test_opaque_json_keeps_its_text() -> None:
    assert (
        bytes(parse.json_body(b'{"name": "a", "data": {"b":1.0, "a": 1e2}}', Thing).data)
        == b'{"b":1.0, "a": 1e2}'
    )


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        (b'{"name": "a\\u0000"}', ["body", "name"], "NUL"),
        (b'{"name": "a", "data": {"b": [1, {"c": "\\u0000"}]}}', ["body", "data", "b", 1, "c"], "NUL"),
        (b'{"name": "a", "data": {"\\u0000": 1}}', ["body", "data"], "NUL"),
        (b'{"name": "a", "data": ["b", "\\ud800"]}', ["body", "data", 1], "half of a pair of surrogates"),
        (b'{"name": "\\udfff"}', ["body", "name"], "half of a pair of surrogates"),
    ],
)
def test_a_text_that_cannot_be_kept_is_named(body: bytes, place: list[Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse.json_body(body, Thing)
    assert caught.value.detail is not None
    assert caught.value.detail[0]["loc"] == place and said in caught.value.detail[0]["msg"]


@pytest.mark.row("API-28")
def test_a_fault_names_its_place_and_repeats_the_body() -> None:
    with pytest.raises(Invalid) as caught:
        parse.json_body(b'{"name": 5}', Thing)
    assert caught.value.detail is not None
    assert caught.value.detail[0]["loc"] == ["body", "name"]
    assert caught.value.extra["request_body"] == {"name": 5}


@pytest.mark.parametrize(
    ("header", "is_json"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/problem+json", True),
        ("application/x-www-form-urlencoded", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_only_json_counts_as_json(header: str, is_json: bool) -> None:
    assert parse.is_json(header) is is_json


@pytest.mark.parametrize("text", ["[" * 101 + "]" * 101, "[" * 50_000, '{"a":' * 3000, "{", "nonsense"])
def test_json_that_is_typed_is_no_deeper_than_that_of_a_body(text: str) -> None:
    assert parse.typed_json("[" * 100 + "]" * 100)
    with pytest.raises(DecodeError):
        parse.typed_json(text)


def test_what_is_nested_too_deeply_for_the_program_is_the_fault_of_the_input() -> None:
    assert describe(RecursionError()).status == 422
