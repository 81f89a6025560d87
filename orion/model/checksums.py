"""The checksum of a block schema, as clients compute it too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

REFERENCE = "#/definitions/"


def checksum(fields: str | bytes) -> str:
    """`sha256:…` over the fields without secrets' names and without the definitions of nested blocks."""
    bare = _without_secret_fields(json.loads(fields))
    if isinstance(bare, dict):
        definitions = bare.pop("definitions", None) or {}
        kept = dict(_own_definitions(bare, definitions, set()))
        bare = {**bare, "definitions": kept} if kept else bare
    text = json.dumps([[bare], {}], sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _without_secret_fields(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: _without_secret_fields(inner)
                for name, inner in value.items()
                if name != "secret_fields"
            }
        case list():
            return [_without_secret_fields(inner) for inner in value]
        case _:
            return value


def _own_definitions(node: Any, definitions: dict[str, Any], seen: set[str]) -> Iterator[tuple[str, Any]]:
    """The definitions that `node` refers to, directly or not, but for those of other blocks."""
    for name in _references(node):
        definition = definitions.get(name)
        if name in seen or not definition or not isinstance(definition, dict):
            continue  # clients leave an empty definition out, too
        if definition.get("block_type_slug") is not None:
            continue
        seen.add(name)
        yield name, definition
        yield from _own_definitions(definition, definitions, seen)


def _references(node: Any) -> Iterator[str]:
    match node:
        case {"$ref": str(reference)} if reference.startswith(REFERENCE):
            yield reference.removeprefix(REFERENCE)
        case dict():
            for inner in node.values():
                yield from _references(inner)
        case list():
            for inner in node:
                yield from _references(inner)
        case _:
            return
