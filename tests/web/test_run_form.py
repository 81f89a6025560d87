"""The run form: a schema as controls, what was typed as parameters, faults said in words and all at once."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import FormData

from orion.web.pages.controls import control, type_words
from orion.web.pages.run_form import Form, command, differing

pytestmark = pytest.mark.row("UI-18")


def of(required: tuple[str, ...] = (), /, **properties: Any) -> Form:
    return Form({"type": "object", "properties": properties, "required": list(required)})


def sent(**values: str | list[str]) -> FormData:
    pairs = [
        (f"p.{name}", each)
        for name, value in values.items()
        for each in ([value] if isinstance(value, str) else value)
    ]
    return FormData(pairs)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "default": "x" * 81}, "area"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "datetime-local"),
        ({"type": "string", "format": "password"}, "password"),
        ({"type": "integer"}, "number"),
        ({"type": "boolean"}, "check"),
        ({"enum": ["a", "b"]}, "radio"),
        ({"enum": list("abcdef")}, "select"),
        ({"type": "array"}, "area"),
        ({"type": "object"}, "area"),
        ({"type": "object", "properties": {"a": {}}}, "group"),
        ({}, "area"),
    ],
)
def test_each_schema_has_its_control(schema: dict[str, Any], kind: str) -> None:
    assert control(schema) == kind


def test_the_type_is_said_with_its_bounds() -> None:
    assert type_words({"type": "integer", "minimum": 1, "maximum": 9}, True) == "int · 1–9"
    assert type_words({"type": "array", "items": {"type": "string"}}, False) == "list of str"
    assert type_words({"type": "string", "nullable": True}, False) == "str · optional"


def test_what_is_typed_becomes_values_of_the_types() -> None:
    form = of(
        n={"type": "integer"}, x={"type": "number"}, yes={"type": "boolean"}, day={"type": "string", "format": "date"},
        tags={"type": "array"}, mode={"enum": ["a", 2]}, anything={},
    )  # fmt: skip
    values, errors = form.read(
        sent(
            n="5", x="1.5", yes=["false", "true"], day="2026-11-22", tags='["a"]', mode="2", anything="plain"
        )
    )
    assert values == {
        "n": 5,
        "x": 1.5,
        "yes": True,
        "day": "2026-11-22",
        "tags": ["a"],
        "mode": 2,
        "anything": "plain",
    }
    assert errors == {}


def test_every_fault_is_found_and_says_what_to_write() -> None:
    form = of(
        ("name",),
        n={"type": "integer", "maximum": 20},
        name={"type": "string"},
        tags={"type": "array"},
        o={"type": "object"},
    )
    _, errors = form.read(sent(n="50", name="", tags="not json", o="[]"))
    assert errors["p.n"] == "Must be at most 20."
    assert errors["p.name"] == "It is required."
    assert errors["p.tags"].startswith("This is not JSON")
    assert errors["p.o"].startswith("Write a JSON object")


def test_a_box_that_is_not_ticked_is_sent_as_no() -> None:
    assert of(yes={"type": "boolean", "default": True}).read(sent(yes="false"))[0] == {"yes": False}


def test_blank_means_null_where_null_is_allowed_and_the_default_elsewhere() -> None:
    form = of(
        maybe={"anyOf": [{"type": "integer"}, {"type": "null"}]},
        n={"type": "integer", "default": 3},
        s={"type": "string"},
    )
    assert form.read(sent(maybe="", n="", s=""))[0] == {"maybe": None, "s": ""}


def test_references_and_nested_objects_are_followed() -> None:
    form = Form({
        "properties": {"target": {"$ref": "#/definitions/Target"}},
        "definitions": {"Target": {"type": "object", "properties": {"schema": {"type": "string"}}}},
    })  # fmt: skip
    (group,) = form.fields({"target": {"schema": "mart"}}, {})
    assert [(part.path, part.text) for part in group.parts] == [("p.target.schema", "mart")]
    assert form.read(FormData([("p.target.schema", "raw")]))[0] == {"target": {"schema": "raw"}}


def test_what_differs_from_the_default_is_marked_and_alone_stands_in_the_command() -> None:
    form = of(a={"type": "integer", "default": 1}, b={"type": "string", "default": "x"})
    fields = form.fields({"a": 2}, form.defaults())
    assert [field.changed for field in fields] == [True, False]
    assert differing(fields) == 1
    assert (
        command("flow/dep", {"a": 2, "b": "x"}, form.defaults())
        == "orion deployment run flow/dep \\\n    -p a=2"
    )


def test_what_nobody_filled_in_counts_as_unchanged_after_the_form_was_sent() -> None:
    """A form sends a text, a list or a box that there was no value for: after a fault they are as they were."""
    inner = {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "sure": {"type": "boolean"},
            "size": {"type": "integer", "default": 5},
            "names": {"type": "array", "items": {"type": "string"}},
        },
    }
    form = of(target=inner, n={"type": "integer"})
    blank = [("p.target.note", ""), ("p.target.sure", "false"), ("p.target.size", "5"), ("p.target.names~", "0")]
    for more, changed in (([], 0), ([("p.target.note", "x")], 1), ([("p.target.sure", "true")], 1)):
        values, errors = form.read(FormData([*blank, ("p.n", "many"), *more]))
        assert set(errors) == {"p.n"}
        fields = form.fields({**form.defaults(), **values}, form.defaults(), errors)
        assert (differing(fields), fields[0].changed) == (changed, bool(changed))


def test_the_command_is_safe_to_paste() -> None:
    assert command("f/d", {"x": "a; rm -rf $HOME"}, {}).endswith("-p 'x=a; rm -rf $HOME'")


def test_a_password_is_never_filled_in() -> None:
    (field,) = of(key={"type": "string", "format": "password"}).fields({"key": "secret"}, {})
    assert field.text == ""


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        "x",
        {"properties": None},
        {"properties": {"a": True}},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
    ],
)
def test_a_strange_schema_gives_a_form_all_the_same(schema: Any) -> None:
    form = Form(schema)
    form.fields({"a": {"b": 1}}, {})
    form.read(FormData([("p.a", "x")]))
