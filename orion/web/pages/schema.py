"""A JSON schema made plain for a form: references followed, null taken out of choices, variants told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 6


class Plain:
    """The schemas inside one document, as controls need them."""

    def __init__(self, document: Any) -> None:
        self.document: Schema = document if isinstance(document, dict) else {}

    def of(self, schema: Any, depth: int = 0) -> Schema:
        """The schema with references followed; `nullable` and `variants` say what a choice was made of."""
        if not isinstance(schema, dict) or depth > DEEPEST:
            return {}
        if "$ref" in schema:
            return {**self._referred(str(schema["$ref"]), depth), **_but(schema, "$ref")}
        if len(schema.get("allOf") or ()) == 1:
            return {**self.of(schema["allOf"][0], depth + 1), **_but(schema, "allOf")}
        if isinstance(schema.get("type"), list):
            return self.of(_typed_choice(schema), depth)
        choices = schema.get("anyOf") or schema.get("oneOf") or ()
        if choices:
            return self._choice(schema, choices, depth)
        if isinstance(schema.get("items"), dict):
            return {**schema, "items": self.of(schema["items"], depth + 1)}
        return schema

    def properties(self, schema: Schema) -> dict[str, Schema]:
        """The plain schema of each property."""
        own = schema.get("properties")
        return {name: self.of(each) for name, each in own.items()} if isinstance(own, dict) else {}

    def _choice(self, schema: Schema, choices: Any, depth: int) -> Schema:
        real = [each for each in choices if isinstance(each, dict) and each.get("type") != "null"]
        outer = _but(schema, "anyOf", "oneOf")
        nullable = len(real) < len(choices) or bool(outer.get("nullable"))
        if len(real) == 1:
            return {**self.of(real[0], depth + 1), **outer, "nullable": nullable}
        return {**outer, "variants": [self.of(each, depth + 1) for each in real], "nullable": nullable}

    def _referred(self, address: str, depth: int) -> Schema:
        found: Any = self.document
        for part in address.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        return self.of(found, depth + 1)


def variant_of(variants: list[Schema], value: Any) -> int:
    """Which variant a value is of: the first that fits, a secret before others, else the first."""
    order = sorted(range(len(variants)), key=lambda at: not is_secret(variants[at]))
    return next((at for at in order if fits(variants[at], value)), 0)


def is_secret(schema: Schema) -> bool:
    """Whether a value of the schema is never shown."""
    return bool(schema.get("writeOnly")) or schema.get("format") == "password"


def fits(schema: Schema, value: Any) -> bool:
    """Whether a value looks like one of the schema: its type, its constant, the names it has."""
    if "const" in schema or schema.get("enum"):
        return value == schema.get("const") if "const" in schema else value in schema["enum"]
    match schema.get("type"):
        case "object":
            own, needed = set(schema.get("properties") or ()), set(schema.get("required") or ())
            if not isinstance(value, dict) or not needed <= set(value):
                return False
            alike = ((schema["properties"][name], value[name]) for name in own & set(value))
            return all(fits(part, inner) for part, inner in alike if "const" in part)
        case "array":
            return isinstance(value, list)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "string":
            return isinstance(value, str)
        case _:
            return value is not None


def name_of(schema: Schema, at: int) -> str:
    """What a variant is called in the choice."""
    return str(schema.get("title") or schema.get("type") or schema.get("const") or f"variant {at + 1}")


def _typed_choice(schema: Schema) -> dict[str, Any]:
    rest = _but(schema, "type")
    return {**rest, "anyOf": [{**rest, "type": each} for each in schema["type"]]}


def _but(schema: Schema, *names: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in names}
