"""The run form: a flow's parameter schema as fields, and what was typed as parameters again, with every fault found."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from orion.web.pages.controls import (
    ABSENT,
    LONG,
    Schema,
    blank,
    control,
    convert,
    limits,
    plain,
    type_words,
    typed,
)


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
    choices: list[tuple[str, str]] = field(default_factory=list)
    is_set: bool = False


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
        return {
            name: each["default"]
            for name, each in properties.items()
            if isinstance(each, dict) and "default" in each
        }

    def _fields(
        self,
        schema: Schema,
        values: Mapping[str, Any],
        defaults: Mapping[str, Any],
        errors: Mapping[str, str],
        path: str,
    ) -> list[Field]:
        required = set(schema.get("required") or ())
        made = []
        for name, raw in (schema.get("properties") or {}).items():
            one = self._resolve(raw)
            value, default = values.get(name, one.get("default")), defaults.get(name, one.get("default"))
            made.append(self._field(name, one, value, default, name in required, f"{path}.{name}", errors))
        return made

    def _field(
        self,
        name: str,
        schema: Schema,
        value: Any,
        default: Any,
        required: bool,
        path: str,
        errors: Mapping[str, str],
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
            options=[
                option if isinstance(option, str) else plain(option) for option in schema.get("enum") or ()
            ],
            limits=limits(schema, kind),
            long=kind == "area" and len(typed(value, kind)) > LONG,
        )
        if kind == "group":
            inside = value if isinstance(value, dict) else {}
            made.parts = self._fields(
                schema, inside, default if isinstance(default, dict) else {}, errors, path
            )
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
            inside = any(name.startswith(f"{key}.") for name in form)
            return self._read(schema, form, key, errors) if inside else ABSENT
        sent = [str(each) for each in form.getlist(key)]
        if not sent:
            return ABSENT
        if kind == "check":
            return sent[-1] == "true"
        text = sent[-1].replace("\r\n", "\n")
        if (text == "" and schema.get("type") != "string") or (
            text == "" and (required or schema.get("nullable"))
        ):
            return blank(schema, required)
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


def command(name: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The same run as a command; only what differs from the defaults is said."""
    changed = [(key, value) for key, value in values.items() if key not in defaults or defaults[key] != value]
    options = [f"-p {shlex.quote(f'{key}={plain(value)}')}" for key, value in changed]
    return " \\\n    ".join([f"orion deployment run {shlex.quote(name)}", *options])


def differing(fields: Sequence[Field]) -> int:
    """How many fields differ from their defaults."""
    return sum(differing(each.parts) if each.parts else each.changed for each in fields)


def keep_typed(fields: Sequence[Field], form: FormData) -> None:
    """Put back what was typed into the fields that it was wrong for."""
    for each in fields:
        keep_typed(each.parts, form)
        if each.error and each.path in form:
            each.text = str(form[each.path])
