"""The fields of a block from a file, from `--value` options, or from a person who is asked for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer

from orion.errors import Invalid


def gather(fields: dict[str, Any], file: Path | None, values: list[str]) -> dict[str, Any]:
    """The data of a new block; unknown and missing fields are refused."""
    data = _read(file) if file else {}
    data |= dict(_pair(text) for text in values)
    properties = fields.get("properties") or {}
    if not file and not values:
        data = {name: _asked(name, shape, fields) for name, shape in properties.items()}
        data = {name: value for name, value in data.items() if value is not None}
    if unknown := sorted(set(data) - set(properties)):
        raise Invalid(f"The type has no field {', '.join(unknown)}; its fields: {', '.join(properties)}.")
    if missing := sorted(set(fields.get("required") or ()) - set(data)):
        raise Invalid(f"The type needs the fields {', '.join(missing)} too.")
    return data


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = yaml.safe_load(text)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from None
    except (
        ValueError,
        yaml.YAMLError,
    ):  # what the parser says would show a part of the file, perhaps a secret
        raise Invalid(f"{file} is neither JSON nor YAML.") from None
    if not isinstance(found, dict):
        raise Invalid(f"{file} must hold the fields of a block: an object in JSON or YAML.")
    data: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return data


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"{text!r} is not of the form FIELD=VALUE.")
    return name, _value(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _asked(name: str, shape: dict[str, Any], fields: dict[str, Any]) -> Any:
    """What the person says; nothing for an optional field leaves it out."""
    if not sys.stdin.isatty():
        raise Invalid("Give the fields by --file or --value: there is nobody to ask here.")
    optional = name not in (fields.get("required") or ())
    hidden = shape.get("format") == "password" or f"{name}.*" in (fields.get("secret_fields") or ())
    label = f"{shape.get('title', name)}{' (optional)' if optional else ''}"
    answer = typer.prompt(label, default="" if optional else None, hide_input=hidden, show_default=False)
    return None if optional and answer == "" else answer if shape.get("type") == "string" else _value(answer)
