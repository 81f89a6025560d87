"""Parameters: overlaid, resolved and checked."""

from __future__ import annotations

import pytest

from orion.errors import Conflict, Invalid
from orion.model.wire import NULL, raw
from orion.web.parameters import check, overlay, resolved

SCHEMA = raw(
    {
        "type": "object",
        "properties": {
            "year": {"type": "integer"},
            "station": {"$ref": "#/definitions/Station"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "code": {"type": "string", "pattern": "^(a+)+$"},
        },
        "required": ["year"],
        "definitions": {"Station": {"enum": ["north", "south"]}},
    }
)


def test_the_upper_object_wins_and_untouched_values_keep_their_text() -> None:
    assert bytes(overlay(raw({"a": 1, "b": 2}), raw({"b": 3, "c": None}))) == b'{"a":1,"b":3,"c":null}'
    assert bytes(overlay(None, None)) == b"{}"
    assert bytes(overlay(raw({"a": 1}), NULL)) == b'{"a":1}'


def test_parameters_are_an_object() -> None:
    with pytest.raises(Invalid):
        overlay(raw({}), raw([1]))


@pytest.mark.parametrize(
    "values",
    [{"year": 1}, {"year": 1, "station": "north"}, {"year": 1, "note": None}, {"year": 1, "code": "!"}],
)
def test_what_the_schema_allows_passes(values: dict[str, object]) -> None:
    check(raw(values), SCHEMA, whole=True)


@pytest.mark.parametrize(
    "values", [{}, {"year": "x"}, {"year": 1, "station": "east"}, {"year": 1, "note": 5}]
)
def test_what_the_schema_forbids_is_refused_with_its_reason(values: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        check(raw(values), SCHEMA, whole=True)
    assert caught.value.detail is None
    assert any(name in caught.value.message for name in ("year", "station", "note"))


def test_defaults_may_lack_what_a_run_must_bring() -> None:
    check(raw({"station": "south"}), SCHEMA, whole=False)


def test_a_saved_block_is_left_to_the_client() -> None:
    check(raw({"year": {"$ref": {"block_document_id": "x"}}}), SCHEMA, whole=True)


@pytest.mark.parametrize(
    "schema",
    [
        NULL,
        raw({"$ref": "http://example.com/x"}),
        raw({"type": 5}),
        raw({"properties": {"year": {"$ref": "#/no"}}}),
    ],
)
def test_a_schema_that_cannot_be_used_is_a_conflict(schema: object) -> None:
    with pytest.raises(Conflict):
        check(raw({"year": 1}), schema, whole=True)  # type: ignore[arg-type]


def test_json_kinds_are_resolved_and_others_refused() -> None:
    kind = {"__prefect_kind": "json", "value": '{"a": 1}'}
    assert bytes(resolved(raw({"x": kind, "y": 2}))) == b'{"x":{"a":1},"y":2}'
    for broken in ({"__prefect_kind": "jinja", "value": "{{ x }}"}, {"__prefect_kind": "json", "value": "{"}):
        with pytest.raises(Conflict, match="'x'"):
            resolved(raw({"x": broken}))
