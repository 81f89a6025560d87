"""References in parameters and job variables, resolved where the flow runs and never on the server.

    {{ orion.blocks.secret.token }}           the value of a saved block; `.field` after it for one of its fields
    {{ orion.variables.region }}              a variable
    {{ $HOME }}                               the environment of the process that runs the flow
    {"$ref": {"block_document_id": "..."}}    the saved block itself

A text that is nothing but a reference becomes the value; inside a longer text it becomes text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orion.blocks import redaction
from orion.blocks.steps import Steps, found, load_by_id
from orion.errors import NotFound
from orion.model.blocks import BlockDocument
from orion.model.variables import Variable
from orion.model.wire import unraw

_BLOCK = r"(?:orion|prefect)\.blocks\.(?P<slug>[a-z0-9-]+)\.(?P<block>[a-z0-9-]+)(?P<fields>(?:\.\w+)*)"
_VARIABLE = r"(?:orion|prefect)\.variables\.(?P<variable>[a-z0-9_-]+)"
REFERENCE = re.compile(rf"\{{\{{\s*(?:{_BLOCK}|{_VARIABLE}|\$(?P<env>[A-Za-z_][A-Za-z0-9_]*))\s*\}}\}}")


def has_reference(value: Any) -> bool:
    """Whether a reference stands somewhere in a JSON value."""
    match value:
        case str():
            return REFERENCE.search(value) is not None
        case {"$ref": _}:
            return True
        case dict():
            return any(has_reference(inner) for inner in value.values())
        case list():
            return any(has_reference(inner) for inner in value)
        case _:
            return False


def resolve(value: Any, environ: Mapping[str, str] | None = None) -> Steps[Any]:
    """The value with every reference replaced; raises `NotFound` for what is not there."""
    match value:
        case str():
            return (yield from _text(value, os.environ if environ is None else environ))
        case {"$ref": {"block_document_id": str(document_id)}} | {"$ref": str(document_id)} if (
            len(value) == 1
        ):
            from orion.blocks.core import Block

            return (yield from load_by_id(Block, document_id))
        case dict():
            items = {}
            for name, inner in value.items():
                items[name] = yield from resolve(inner, environ)
            return items
        case list():
            parts = []
            for inner in value:
                parts.append((yield from resolve(inner, environ)))
            return parts
    return value


def _text(text: str, environ: Mapping[str, str]) -> Steps[Any]:
    whole = REFERENCE.fullmatch(text.strip())
    if whole:
        return (yield from _value(whole, environ))
    parts, end = [], 0
    for match in REFERENCE.finditer(text):
        value = yield from _value(match, environ)
        parts += [
            text[end : match.start()],
            value if isinstance(value, str) else msgspec.json.encode(value).decode(),
        ]
        end = match.end()
    return "".join([*parts, text[end:]])


def _value(match: re.Match[str], environ: Mapping[str, str]) -> Steps[Any]:
    if match["env"]:
        return _environment(match, environ)
    if match["variable"]:
        variable: Variable | None = yield from found("read_variable_by_name", match["variable"])
        if variable is None:
            raise NotFound(
                f"{match[0]}: there is no such variable. Set it: orion variable set {match['variable']} VALUE"
            )
        return unraw(variable.value)
    return (yield from _block(match))


def _environment(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["env"] not in environ:
        raise NotFound(
            f"{match[0]}: the process that runs the flow has no such environment variable. "
            "An agent passes on those that ORION_AGENT_ENVIRONMENT names."
        )
    return environ[match["env"]]


def _block(match: re.Match[str]) -> Steps[Any]:
    slug, name = match["slug"], match["block"]
    document: BlockDocument | None = yield from found("read_block_document_by_name", slug, name, True)
    if document is None:
        raise NotFound(
            f"{match[0]}: there is no block {slug}/{name}. `orion block ls` lists those that are saved."
        )
    data = unraw(document.data)
    _remember_secrets(document, data)
    fields = match["fields"].strip(".").split(".") if match["fields"] else _only_value(data)
    for field in fields:
        if not isinstance(data, dict) or field not in data:
            raise NotFound(f"{match[0]}: the block {slug}/{name} has no field {field!r}.")
        data = data[field]
    return data


def _only_value(data: Any) -> list[str]:
    return ["value"] if isinstance(data, dict) and "value" in data else []


def _remember_secrets(document: BlockDocument, data: Any) -> None:
    """From now on these values are hidden in what leaves the process."""
    fields = unraw(document.block_schema.fields) if document.block_schema else {}
    for path in fields.get("secret_fields") or ():
        redaction.remember(_at(data, path.split(".")))


def _at(data: Any, path: list[str]) -> Any:
    if not path:
        return data
    if path[0] == "*":
        items = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
        return [_at(item, path[1:]) for item in items]
    return _at(data.get(path[0]), path[1:]) if isinstance(data, dict) else None
