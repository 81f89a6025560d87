"""The JSON schema of a flow's parameters: what a deployment keeps, and a form or a check is made from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from orion.sdk import docstrings
from orion.sdk.choices import as_written
from orion.sdk.parameters import hints, of_pydantic

REF = "#/definitions/{name}"


def parameter_schema(fn: Callable[..., Any]) -> dict[str, Any]:
    """The schema of all parameters of `fn`, in the order of its signature, with what its docstring says of each."""
    kinds, notes = hints(fn), docstrings.notes(fn)
    properties: dict[str, Any] = {}
    required: list[str] = []
    definitions: dict[str, Any] = {}
    for place, (name, parameter) in enumerate(inspect.signature(fn).parameters.items()):
        properties[name] = {
            "title": name,
            "position": place,
            **({"description": notes[name]} if name in notes else {}),
            **_of(kinds.get(name, Any), parameter, definitions),
        }
        if parameter.default is not inspect.Parameter.empty:
            properties[name] |= _default(parameter.default)
        elif parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            required.append(name)
    schema: dict[str, Any] = {"title": "Parameters", "type": "object", "properties": properties}
    return schema | ({"required": required} if required else {}) | {"definitions": definitions}


def _of(hint: Any, parameter: inspect.Parameter, definitions: dict[str, Any]) -> dict[str, Any]:
    inner = _type_schema(hint, definitions)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return {"type": "array", "items": inner}
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return {"type": "object", "additionalProperties": inner}
    return inner


def _type_schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if of_pydantic(hint):
        from pydantic import TypeAdapter

        schema = TypeAdapter(hint).json_schema(ref_template=REF.format(name="{model}"))
        definitions |= schema.pop("$defs", {})
        return schema
    import msgspec

    try:
        (schema,), found = msgspec.json.schema_components([hint], schema_hook=_unknown, ref_template=REF)
    except (TypeError, ValueError):
        return {}
    as_written((schema, found), hint)
    definitions |= found
    return dict(schema)


def _unknown(kind: type) -> dict[str, Any]:
    from pathlib import PurePath

    return (
        {"type": "string", "format": "path"} if isinstance(kind, type) and issubclass(kind, PurePath) else {}
    )


def _default(value: Any) -> dict[str, Any]:
    import msgspec

    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))}
    except (TypeError, ValueError):
        return {}
