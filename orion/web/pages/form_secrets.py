"""Secrets of the run form: no page and no command holds one, and one that is blank or masked keeps what is set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orion.store.secret_fields import keep_masked
from orion.web.pages.controls import control
from orion.web.pages.schema import DEEPEST, Plain, Schema, variant_of

HIDDEN = "********"
FAR = 60  # how deep a value is looked into; what lies deeper is not shown
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def masked(plain: Plain, schema: Schema, value: Any, depth: int = 0) -> Any:
    """The value with asterisks for each secret in it, whichever variant of a choice it may be of."""
    kind = control(schema)
    if depth > FAR or (kind == "password" and value not in (None, "")):
        return HIDDEN
    if kind == "union":
        for variant in _possible(schema, value):
            value = masked(plain, variant, value, depth + 1)
    elif isinstance(value, dict):
        own, other = plain.properties(schema), plain.of(schema.get("additionalProperties"))
        return {name: masked(plain, own.get(name, other), each, depth + 1) for name, each in value.items()}
    elif isinstance(value, list):
        return [masked(plain, _item(plain, schema, at), each, depth + 1) for at, each in enumerate(value)]
    return value


def holds(plain: Plain, schema: Schema, depth: int = 0) -> bool:
    """Whether values of the schema can hold secrets."""
    if depth > DEEPEST or control(schema) == "password":
        return depth <= DEEPEST
    inner: list[Any] = [*plain.properties(schema).values(), *(schema.get("variants") or ())]
    inner += [plain.of(schema.get(name)) for name in ("additionalProperties", "items")]
    inner += [plain.of(each) for each in schema.get("prefixItems") or ()]
    return any(holds(plain, each, depth + 1) for each in inner if each)


def kept(plain: Plain, schema: Schema, value: Any, held: Any) -> Any:
    """The value with each secret that it leaves blank or masked as it is held; without it where none is held."""
    return _filled(plain, schema, keep_masked(value, held, masked(plain, schema, held)), held)


def stands(value: Any) -> bool:
    """Whether asterisks still stand for something in a value: nobody knows which of its secrets they mean."""
    if isinstance(value, dict):
        return any(stands(each) for each in value.values())
    return any(stands(each) for each in value) if isinstance(value, list) else value == HIDDEN


def _filled(plain: Plain, schema: Schema, value: Any, held: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        return value
    if control(schema) == "union":
        return _filled(plain, _variant(schema, value), value, held, depth + 1)
    if isinstance(value, dict):
        return _filled_inside(plain, schema, value, held if isinstance(held, dict) else {}, depth)
    if isinstance(value, list) and isinstance(held, list) and len(held) == len(value):
        items = [_item(plain, schema, at) for at in range(len(value))]
        return [_filled(plain, *each, depth + 1) for each in zip(items, value, held, strict=True)]
    return value


def _filled_inside(
    plain: Plain, schema: Schema, value: dict[str, Any], held: dict[str, Any], depth: int
) -> dict[str, Any]:
    made = dict(value)
    for name, one in plain.properties(schema).items():
        if control(one) != "password":
            if name in made:
                made[name] = _filled(plain, one, made[name], held.get(name), depth + 1)
        elif made.get(name, HIDDEN) == HIDDEN:
            made.pop(name, None)
            made |= {name: held[name]} if held.get(name) else {}
    return made


def _item(plain: Plain, schema: Schema, at: int) -> Schema:
    """The schema of one item of a list: of its place, or of all."""
    first = schema.get("prefixItems") or ()
    return plain.of(first[at] if at < len(first) else schema.get("items"))


def _possible(schema: Schema, value: Any) -> Iterable[Schema]:
    kind = TYPES.get(type(value), "null")
    kinds = (kind, "number") if kind == "integer" else (kind,)
    return [each for each in schema["variants"] if each.get("type") is None or each["type"] in kinds]


def _variant(schema: Schema, value: Any) -> Schema:
    variants = list(schema["variants"])
    chosen: Schema = variants[variant_of(variants, value)]
    return chosen
