"""One parameter as a control: which one suits its schema, what stands in it, and what a typed text means."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from orion.web.display import Viewer, viewer
from orion.web.pages.schema import Schema, is_secret
from orion.web.parse import typed_json

FEW, SOME, LONG = 4, 50, 80
WORDS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "object",
}
DATES = {"date": "date", "date-time": "datetime-local"}


class _Absent:
    """Nothing was sent for a parameter: the default holds."""


ABSENT = _Absent()


def control(schema: Schema) -> str:
    """Which control suits a schema."""
    kind, options = schema.get("type"), schema.get("enum")
    if schema.get("block_type_slug"):
        return "block"
    if schema.get("variants"):
        return "union"
    if is_secret(schema):
        return "password"
    if options:
        return "radio" if len(options) <= FEW else "select" if len(options) <= SOME else "text"
    if kind == "boolean":
        return "check"
    if kind in ("integer", "number"):
        return "number"
    if kind == "object" and schema.get("properties"):
        return "group"
    if kind == "string":
        long = len(str(schema.get("default") or "")) > LONG or schema.get("maxLength", 0) > 1000
        return DATES.get(str(schema.get("format")), "area" if long else "text")
    return _of_many(schema.get("items")) if kind == "array" else "area"


def _of_many(items: Any) -> str:
    """Rows of one control each, rows of fields, or JSON for what is neither."""
    inner = control(items) if isinstance(items, dict) and items else "area"
    if inner in ("text", "number", "date", "datetime-local", "radio", "select", "block"):
        return "list"
    return "rows" if inner == "group" else "area"


def type_words(schema: Schema, required: bool) -> str:
    """The type as it stands beside the label: int · 100–20000, list of str, str · optional."""
    kind = str(schema.get("format") if schema.get("format") in DATES else schema.get("type") or "any")
    said = "enum" if schema.get("enum") else WORDS.get(kind, kind)
    if schema.get("block_type_slug"):
        said = f"block · {schema['block_type_slug']}"
    elif schema.get("variants"):
        said = "one of several"
    elif kind == "date-time":
        said += f" · {viewer.get(Viewer()).zone_name}"
    if kind == "array" and isinstance(schema.get("items"), dict):
        inner = str(schema["items"].get("type") or "any")
        said = f"list of {WORDS.get(inner, inner)}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None or high is not None:
        said += f" · {'' if low is None else low}–{'' if high is None else high}"
    return said + (" · optional" if schema.get("nullable") and not required else "")


def limits(schema: Schema, kind: str) -> dict[str, Any]:
    """The attributes by which a browser checks before it sends."""
    if kind == "number":
        step = 1 if schema.get("type") == "integer" else "any"
        said = {"min": schema.get("minimum"), "max": schema.get("maximum"), "step": step}
    elif kind == "datetime-local":
        said = {"step": 1}
    else:
        said = (
            {"minlength": schema.get("minLength"), "maxlength": schema.get("maxLength")}
            if kind == "text"
            else {}
        )
    return {name: value for name, value in said.items() if value is not None}


def typed(value: Any, kind: str) -> str:
    """A value as it stands in its control."""
    if value is None or kind in ("group", "password"):
        return ""
    if kind == "datetime-local" and isinstance(value, str):
        return _wall_time(value)
    if kind == "block":
        return block_of(value)
    if kind == "area" and not isinstance(value, str):
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return plain(value)


def block_of(value: Any) -> str:
    """The id of the block document that a value stands for: {"$ref": {"block_document_id": id}}."""
    reference = value.get("$ref") if isinstance(value, dict) else None
    inner = reference.get("block_document_id") if isinstance(reference, dict) else reference
    return inner if isinstance(inner, str) else ""


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same; moments are, however their zone is written."""
    if one == other:
        return True
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


def _wall_time(text: str) -> str:
    """A moment as the viewer's clock shows it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text[:19]
    local = moment.astimezone(viewer.get(Viewer()).zone) if moment.tzinfo else moment
    return local.replace(tzinfo=None, microsecond=0).isoformat()


def plain(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def convert(text: str, schema: Schema) -> Any:
    """What was typed as a value of the schema; a ValueError says what is wrong in words."""
    kind, options = schema.get("type"), schema.get("enum")
    if options:
        for option in options:
            if plain(option) == text:
                return option
        raise ValueError(f"Choose one of {', '.join(plain(option) for option in options[:10])}.")
    if schema.get("block_type_slug"):
        return {"$ref": {"block_document_id": text}}
    if kind in ("integer", "number"):
        return _number(text, kind, schema)
    if kind == "string":
        return _string(text, schema)
    try:
        value = typed_json(text)
    except msgspec.DecodeError as error:
        if kind in ("array", "object"):
            raise ValueError(f"This is not JSON: {error}.") from None
        return text
    wanted = {"array": list, "object": dict}.get(str(kind))
    if wanted and not isinstance(value, wanted):
        raise ValueError(
            "Write a JSON list, such as [1, 2]." if wanted is list else 'Write a JSON object: {"name": 1}.'
        )
    return value


def blank(schema: Schema, required: bool) -> Any:
    """What an empty field means: null where that is allowed, else the default; a required one is a fault."""
    if schema.get("nullable"):
        return None
    if required:
        raise ValueError("It is required.")
    return ABSENT


def _number(text: str, kind: str, schema: Schema) -> int | float:
    try:
        value: int | float = int(text) if kind == "integer" and len(text) < 400 else float(text)
    except ValueError:
        raise ValueError("Write a whole number." if kind == "integer" else "Write a number.") from None
    if (low := schema.get("minimum")) is not None and value < low:
        raise ValueError(f"Must be at least {low}.")
    if (high := schema.get("maximum")) is not None and value > high:
        raise ValueError(f"Must be at most {high}.")
    return value


def _moment(text: str) -> str:
    """The moment that was typed; one without a zone is meant in the viewer's."""
    moment = datetime.fromisoformat(text)
    return text if moment.tzinfo else moment.replace(tzinfo=viewer.get(Viewer()).zone).isoformat()


def _string(text: str, schema: Schema) -> str:
    kind = schema.get("format")
    try:
        if kind == "date":
            date.fromisoformat(text)
        elif kind == "date-time":
            text = _moment(text)
    except ValueError:
        raise ValueError(
            "Write a date, such as 2026-11-22." if kind == "date" else "Write a date and time."
        ) from None
    if len(text) < schema.get("minLength", 0):
        raise ValueError(f"Must have at least {schema['minLength']} letters.")
    if len(text) > schema.get("maxLength", len(text)):
        raise ValueError(f"Must have at most {schema['maxLength']} letters.")
    return text
