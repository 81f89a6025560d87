"""The run form: a flow's parameter schema as fields, and what was typed as parameters again, with every fault found."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
from starlette.datastructures import FormData

Schema = Mapping[str, Any]
FEW, SOME, LONG = 4, 50, 80
WORDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "object"}
DATES = {"date": "date", "date-time": "datetime-local"}


@dataclass
class Field:
    """One control: `kind` chooses it, `text` is what stands in it, `parts` are the fields of a group."""

    path: str
    title: str
    kind: str
    text: str = ""
    type_words: str = ""
    hint: str = ""
    required: bool = False
    changed: bool = False
    error: str = ""
    options: list[str] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    parts: list[Field] = field(default_factory=list)
    long: bool = False


class Form:
    """The form of one schema."""

    def __init__(self, schema: Any) -> None:
        self.schema: Schema = schema if isinstance(schema, dict) else {}

    def fields(
        self, values: Mapping[str, Any], defaults: Mapping[str, Any], errors: Mapping[str, str] = {}
    ) -> list[Field]:
        """A field for each parameter, filled with `values`; what differs from `defaults` is marked."""
        return self._fields(self.schema, values, defaults, errors, "p")

    def read(self, form: FormData) -> tuple[dict[str, Any], dict[str, str]]:
        """The parameters that a form means, and what is wrong with it by field."""
        errors: dict[str, str] = {}
        return self._read(self.schema, form, "p", errors), errors

    def defaults(self) -> dict[str, Any]:
        """What the flow itself takes when nothing is said."""
        properties = self._resolve(self.schema).get("properties") or {}
        return {name: each["default"] for name, each in properties.items() if isinstance(each, dict) and "default" in each}

    def _fields(
        self, schema: Schema, values: Mapping[str, Any], defaults: Mapping[str, Any], errors: Mapping[str, str], path: str
    ) -> list[Field]:
        required = set(schema.get("required") or ())
        made = []
        for name, raw in (schema.get("properties") or {}).items():
            one = self._resolve(raw)
            value, default = values.get(name, one.get("default")), defaults.get(name, one.get("default"))
            made.append(self._field(name, one, value, default, name in required, f"{path}.{name}", errors))
        return made

    def _field(
        self, name: str, schema: Schema, value: Any, default: Any, required: bool, path: str, errors: Mapping[str, str]
    ) -> Field:
        kind = control(schema)
        made = Field(
            path=path,
            title=name,
            kind=kind,
            text=typed(value, kind),
            type_words=type_words(schema, required),
            hint=str(schema.get("description") or ""),
            required=required,
            changed=value != default,
            error=errors.get(path, ""),
            options=[option if isinstance(option, str) else plain(option) for option in schema.get("enum") or ()],
            limits=limits(schema, kind),
            long=kind == "area" and len(typed(value, kind)) > LONG,
        )
        if kind == "group":
            inside = value if isinstance(value, dict) else {}
            made.parts = self._fields(schema, inside, default if isinstance(default, dict) else {}, errors, path)
        return made

    def _read(self, schema: Schema, form: FormData, path: str, errors: dict[str, str]) -> dict[str, Any]:
        required = set(schema.get("required") or ())
        values: dict[str, Any] = {}
        for name, raw in (schema.get("properties") or {}).items():
            one, key = self._resolve(raw), f"{path}.{name}"
            try:
                value = self._value(one, form, key, errors, name in required)
            except ValueError as error:
                errors[key] = str(error)
                continue
            if value is not ABSENT:
                values[name] = value
        return values

    def _value(self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool) -> Any:
        kind = control(schema)
        if kind == "group":
            return self._read(schema, form, key, errors)
        sent = [str(each) for each in form.getlist(key)]
        if not sent:
            return ABSENT
        if kind == "check":
            return sent[-1] == "true"
        text = sent[-1].replace("\r\n", "\n")
        if text == "" and schema.get("type") != "string" or text == "" and (required or schema.get("nullable")):
            return _blank(schema, required)
        return convert(text, schema)

    def _resolve(self, schema: Any) -> Schema:
        """The schema with its reference followed and null taken out of its choices."""
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            return {**self._referred(str(schema["$ref"])), **{k: v for k, v in schema.items() if k != "$ref"}}
        if len(schema.get("allOf") or ()) == 1:
            return {**self._resolve(schema["allOf"][0]), **{k: v for k, v in schema.items() if k != "allOf"}}
        choices = schema.get("anyOf") or schema.get("oneOf") or ()
        real = [each for each in choices if isinstance(each, dict) and each.get("type") != "null"]
        if len(real) == 1:
            outer = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
            return {**self._resolve(real[0]), **outer, "nullable": len(real) < len(choices)}
        return schema

    def _referred(self, address: str) -> Schema:
        found: Any = self.schema
        for part in address.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        return self._resolve(found) if isinstance(found, dict) and "$ref" not in found else {}


class _Absent:
    """Nothing was sent for a parameter: the default holds."""


ABSENT = _Absent()


def control(schema: Schema) -> str:
    """Which control suits a schema."""
    kind, options = schema.get("type"), schema.get("enum")
    if options:
        return "radio" if len(options) <= FEW else "select" if len(options) <= SOME else "text"
    if kind == "boolean":
        return "check"
    if kind in ("integer", "number"):
        return "number"
    if kind == "object" and schema.get("properties"):
        return "group"
    if kind == "string":
        if schema.get("writeOnly") or schema.get("format") == "password":
            return "password"
        long = len(str(schema.get("default") or "")) > LONG or schema.get("maxLength", 0) > 1000
        return DATES.get(str(schema.get("format")), "area" if long else "text")
    return "area"


def type_words(schema: Schema, required: bool) -> str:
    """The type as it stands beside the label: int · 100–20000, list of str, str · optional."""
    kind = str(schema.get("format") if schema.get("format") in DATES else schema.get("type") or "any")
    said = "enum" if schema.get("enum") else WORDS.get(kind, kind)
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
        said = {"minlength": schema.get("minLength"), "maxlength": schema.get("maxLength")} if kind == "text" else {}
    return {name: value for name, value in said.items() if value is not None}


def typed(value: Any, kind: str) -> str:
    """A value as it stands in its control."""
    if value is None or kind in ("group", "password"):
        return ""
    if kind == "datetime-local" and isinstance(value, str):
        return value[:19].rstrip("Z")
    if kind == "area" and not isinstance(value, str):
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return plain(value)


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
    if kind in ("integer", "number"):
        return _number(text, kind, schema)
    if kind == "string":
        return _string(text, schema)
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        if kind in ("array", "object"):
            raise ValueError(f"This is not JSON: {error}.") from None
        return text
    wanted = {"array": list, "object": dict}.get(str(kind))
    if wanted and not isinstance(value, wanted):
        raise ValueError("Write a JSON list, such as [1, 2]." if wanted is list else 'Write a JSON object: {"name": 1}.')
    return value


def _blank(schema: Schema, required: bool) -> Any:
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


def _string(text: str, schema: Schema) -> str:
    kind = schema.get("format")
    try:
        if kind == "date":
            date.fromisoformat(text)
        elif kind == "date-time":
            datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Write a date, such as 2026-11-22." if kind == "date" else "Write a date and time.") from None
    if len(text) < schema.get("minLength", 0):
        raise ValueError(f"Must have at least {schema['minLength']} letters.")
    if len(text) > schema.get("maxLength", len(text)):
        raise ValueError(f"Must have at most {schema['maxLength']} letters.")
    return text


def command(name: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The same run as a command; only what differs from the defaults is said."""
    changed = [(key, value) for key, value in values.items() if key not in defaults or defaults[key] != value]
    options = [f"-p {shlex.quote(f'{key}={plain(value)}')}" for key, value in changed]
    return " \\\n    ".join([f"orion deployment run {shlex.quote(name)}", *options])


def differing(fields: Sequence[Field]) -> int:
    """How many fields differ from their defaults."""
    return sum(differing(each.parts) if each.parts else each.changed for each in fields)
