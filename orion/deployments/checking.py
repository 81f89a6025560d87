"""Checking: what is wrong with a deployment that people have edited, by the names of its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from orion.errors import Invalid
from orion.model import wire

WORDS = {
    "array": "a list",
    "object": "names with values",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


def said(error: Exception, kind: type) -> str:
    """A fault that the decoder found, in words: the field first, then what is wanted there."""
    text, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    text = re.sub(r"`([^`]+)`", lambda found: _in_words(found[1]), wire.in_words(text))
    text = text.replace("Object contains unknown field", "there is no field").replace(
        "Object missing required field", "missing required field"
    )
    if text.startswith("Invalid enum value"):
        text = f"{text.removeprefix('Invalid enum value ')} is none of {', '.join(_choices(kind, field))}"
    return f"{field}: {text[0].lower()}{text[1:]}" if field else text


def _in_words(kinds: str) -> str:
    parts = kinds.split(" | ")
    return " or ".join(WORDS[part] for part in parts) if all(part in WORDS for part in parts) else repr(kinds)


def _choices(kind: type, field: str) -> list[str]:
    hint = get_type_hints(kind).get(field)
    return [str(choice) for part in (get_args(hint) or (hint,)) for choice in get_args(part)]


def check_parameters(parameters: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Refuse defaults of parameters that the flow does not have."""
    own = schema.get("properties")
    for name in parameters:
        if isinstance(own, dict) and own and name not in own:
            raise Invalid(f"parameters.{name}: the flow has no such parameter; it has {', '.join(own)}.")


def doubtful(parameters: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Which parameters do not fit the flow's schema. Not a fault: the flow may check nothing, or read texts."""
    own = schema.get("properties")
    for name, value in parameters.items():
        if not isinstance(own, dict) or name not in own or "{{" in str(value):
            continue
        fault = _fault(name, value, {**schema, "properties": {name: own[name]}, "required": []})
        if fault:
            yield f"parameters.{name}: {json.dumps(value, default=str)[:100]} does not fit the flow: {fault}."


def without_image(variables: Mapping[str, Any], infrastructure: str | None) -> str | None:
    """That runs in containers have no image to run in. Not a fault: a run may bring its own."""
    kind = variables.get("type", "process")
    if infrastructure or kind == "process" or variables.get("image") or variables.get("job"):
        return None
    return f"job_variables: a {kind} needs an image: --override image=NAME."


def _fault(name: str, value: Any, schema: dict[str, Any]) -> str | None:
    import fastjsonschema

    try:
        check: Callable[[Any], Any] = fastjsonschema.compile(schema, use_default=False, use_formats=False)
    except Exception:  # a schema that no checker reads says nothing about the value
        return None
    try:
        check({name: value})
    except fastjsonschema.JsonSchemaValueException as error:
        read = _as_json(value)
        if read is not value and _fault(name, read, schema) is None:
            return None
        return str(error.message).removeprefix(f"data.{name} ")
    return None


def _as_json(value: Any) -> Any:
    """What a text stands for, as flows read it: '5' for a number."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables of the process that no agent could use."""
    env = variables.get("env")
    if env is not None and not isinstance(env, Mapping):
        raise Invalid("job_variables.env: expected names with values, as in {TOKEN: abc}.")
    for name, value in (env or {}).items():
        if isinstance(value, (list, dict)):
            raise Invalid(f"job_variables.env.{name}: expected a text or a number.")
    folder = variables.get("working_dir")
    if folder is not None and not isinstance(folder, str):
        raise Invalid("job_variables.working_dir: expected the path of a folder.")
