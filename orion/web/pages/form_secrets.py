"""Secrets of the run form: no page and no command holds one, and one that is blank or masked keeps what is set."""

from __future__ import annotations

from typing import Any

from orion.web.pages.controls import control
from orion.web.pages.schema import DEEPEST, Plain, Schema, variant_of

HIDDEN = "********"


def masked(plain: Plain, schema: Schema, value: Any, depth: int = 0) -> Any:
    """The value with asterisks for each secret in it."""
    kind = control(schema) if depth <= DEEPEST else ""
    if kind == "password":
        return HIDDEN if value else value
    if kind == "union":
        return masked(plain, _variant(schema, value), value, depth + 1)
    if isinstance(value, dict):
        own = plain.properties(schema)
        return {name: masked(plain, own.get(name, {}), each, depth + 1) for name, each in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [masked(plain, schema["items"], each, depth + 1) for each in value]
    return value


def kept(plain: Plain, schema: Schema, value: Any, held: Any, depth: int = 0) -> Any:
    """The value with each secret that it leaves blank or masked as it is held; without it where none is held."""
    if depth > DEEPEST:
        return value
    if control(schema) == "union":
        return kept(plain, _variant(schema, value), value, held, depth + 1)
    if isinstance(value, dict):
        return _kept_inside(plain, schema, value, held if isinstance(held, dict) else {}, depth)
    rows = value if isinstance(value, list) and isinstance(schema.get("items"), dict) else None
    if (
        rows is not None and isinstance(held, list) and len(held) == len(rows)
    ):  # else nobody knows which is which
        return [kept(plain, schema["items"], *pair, depth + 1) for pair in zip(rows, held, strict=True)]
    return value


def _kept_inside(
    plain: Plain, schema: Schema, value: dict[str, Any], held: dict[str, Any], depth: int
) -> dict[str, Any]:
    made = dict(value)
    for name, one in plain.properties(schema).items():
        if control(one) != "password":
            if name in made:
                made[name] = kept(plain, one, made[name], held.get(name), depth + 1)
        elif made.get(name, HIDDEN) == HIDDEN:
            made.pop(name, None)
            made |= {name: held[name]} if held.get(name) else {}
    return made


def _variant(schema: Schema, value: Any) -> Schema:
    variants = list(schema["variants"])
    chosen: Schema = variants[variant_of(variants, value)]
    return chosen
