"""The run form: a flow's parameter schema as fields, and what was typed as parameters again, with every fault found.

Names of fields are paths (`p.target.schema`). A list of values repeats its name, a list of objects numbers its rows,
and a marker (`p.regions~`) says that a list was sent, how many rows it has, or which variant of a choice is meant.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.web.pages import form_secrets
from orion.web.pages.controls import (
    ABSENT,
    LONG,
    alike,
    blank,
    control,
    convert,
    limits,
    plain,
    type_words,
    typed,
)
from orion.web.pages.schema import DEEPEST, Plain, Schema, name_of, variant_of

MOST_ROWS = 200
AGAIN = "Type it again: secrets are not sent back."


@dataclass
class Field:
    """One control: `kind` chooses it, `text` is what stands in it, `parts` are what a group or list is made of."""

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
    slug: str = ""
    is_set: bool = False
    stays: bool = (
        False  # what is typed is never sent back: the browser keeps it while the form is drawn again
    )


class Form:
    """The form of one schema."""

    def __init__(self, schema: Any) -> None:
        self.plain = Plain(schema)
        self.schema: Schema = self.plain.document

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
        own = self.plain.properties(self.plain.of(self.schema))
        return {name: each["default"] for name, each in own.items() if "default" in each}

    @property
    def secrets(self) -> set[str]:
        """The parameters that are or hold secrets."""
        own = self.plain.properties(self.plain.of(self.schema))
        return {name for name, each in own.items() if form_secrets.holds(self.plain, each)}

    def masked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as a page may show them."""
        return dict(form_secrets.masked(self.plain, self.plain.of(self.schema), dict(values)))

    def kept(self, values: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
        """The values with secrets that were left blank, or asterisks, as they are held."""
        return dict(form_secrets.kept(self.plain, self.plain.of(self.schema), dict(values), dict(held)))

    # --- Out: a schema and values as fields ---------------------------------------------------------------------------

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
        for name, one in self.plain.properties(schema).items():
            value, default = values.get(name, one.get("default")), defaults.get(name, one.get("default"))
            made.append(self._field(name, one, value, default, name in required, f"{path}.{name}", errors))
        return made

    def _field(
        self, name: str, schema: Schema, value: Any, default: Any, required: bool, path: str, errors: Mapping[str, str]
    ) -> Field:  # fmt: skip
        kind = "area" if path.count(".") > DEEPEST else control(schema)
        stays = kind == "area" and form_secrets.holds(self.plain, schema)
        shown = form_secrets.masked(self.plain, schema, value) if stays else value
        options = [each if isinstance(each, str) else plain(each) for each in schema.get("enum") or ()]
        made = Field(
            path=path,
            title=name,
            kind=kind,
            text=typed(shown, kind),
            type_words=type_words(schema, required),
            hint=str(schema.get("description") or ""),
            required=required,
            changed=not (alike(value, default) or (_says_nothing(value) and _says_nothing(default))),
            error=errors.get(path, ""),
            options=options,
            limits=limits(schema, kind),
            long=kind == "area" and len(typed(shown, kind)) > LONG,
            slug=str(schema.get("block_type_slug") or ""),
            is_set=kind == "password" and bool(value),
            stays=stays,
        )
        made.parts = self._parts(made, schema, value, default, errors)
        if kind == "group":
            made.changed = differing(made.parts) > 0
        return made

    def _parts(
        self, made: Field, schema: Schema, value: Any, default: Any, errors: Mapping[str, str]
    ) -> list[Field]:
        path = made.path
        match made.kind:
            case "group":
                inside, usual = (each if isinstance(each, dict) else {} for each in (value, default))
                return self._fields(schema, inside, usual, errors, path)
            case "list":
                rows = list(value)[:MOST_ROWS] if isinstance(value, list) else []
                return [self._field(made.title, schema["items"], row, row, False, path, {}) for row in rows]
            case "rows":
                rows = list(value)[:MOST_ROWS] if isinstance(value, list) else []
                return [
                    self._row(schema["items"], row, f"{path}.{at}", errors) for at, row in enumerate(rows)
                ]
            case "union":
                return self._variant(made, schema, value, default, errors)
        return []

    def _row(self, schema: Schema, value: Any, path: str, errors: Mapping[str, str]) -> Field:
        return self._field(path.rpartition(".")[2], schema, value, value, False, path, errors)

    def _variant(
        self, made: Field, schema: Schema, value: Any, default: Any, errors: Mapping[str, str]
    ) -> list[Field]:
        variants = list(schema["variants"])
        made.options = [name_of(each, at) for at, each in enumerate(variants)]
        if value is None and (schema.get("nullable") or not made.required):
            made.text = ""
            return []
        at = variant_of(variants, value)
        made.text = str(at)
        part = self._field(made.title, variants[at], value, default, made.required, made.path, errors)
        made.error = "" if part.error else made.error
        return [part]

    # --- In: what was typed as values ---------------------------------------------------------------------------------

    def _read(self, schema: Schema, form: FormData, path: str, errors: dict[str, str]) -> dict[str, Any]:
        required = set(schema.get("required") or ())
        values: dict[str, Any] = {}
        for name, one in self.plain.properties(schema).items():
            value = self._checked(one, form, f"{path}.{name}", errors, name in required)
            if value is not ABSENT:
                values[name] = value
        return values

    def _checked(
        self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool
    ) -> Any:
        try:
            return self._value(schema, form, key, errors, required)
        except ValueError as error:
            errors[key] = str(error)
            return ABSENT

    def _value(self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool) -> Any:
        kind = "area" if key.count(".") > DEEPEST else control(schema)
        match kind:
            case "group":
                inside = any(name.startswith(f"{key}.") for name in form)
                return self._read(schema, form, key, errors) if inside else ABSENT
            case "list" if f"{key}~" in form:
                return self._list(schema, form, key)
            case "rows" if f"{key}~" in form:
                rows = range(min(_number(form, f"{key}~"), MOST_ROWS))
                return [self._read(schema["items"], form, f"{key}.{at}", errors) for at in rows]
            case "union" if f"{key}~" in form:
                return self._chosen(schema, form, key, errors, required)
        return self._single(schema, kind, form, key, required)

    def _list(self, schema: Schema, form: FormData, key: str) -> list[Any]:
        """The rows that hold something; a fault names its row."""
        values = []
        for at, text in enumerate(str(each) for each in form.getlist(key)):
            try:
                values += [convert(text, schema["items"])] if text.strip() else []
            except ValueError as error:
                raise ValueError(f"Row {at + 1}: {error}") from None
        least = schema.get("minItems", 0)
        if len(values) < least:
            raise ValueError(f"It needs at least {least}.")
        if len(values) > schema.get("maxItems", len(values)):
            raise ValueError(f"It takes at most {schema['maxItems']}.")
        return values

    def _chosen(
        self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool
    ) -> Any:
        if form[f"{key}~"] == "":
            return blank(schema, required)
        at = min(_number(form, f"{key}~"), len(schema["variants"]) - 1)
        variant = schema["variants"][at]
        value = self._checked(variant, form, key, errors, required)
        if value is ABSENT and control(variant) == "password":
            return form_secrets.HIDDEN  # what is held, if that is one
        return empty_of(variant) if value is ABSENT and key not in errors else value

    def _single(self, schema: Schema, kind: str, form: FormData, key: str, required: bool) -> Any:
        sent = [str(each) for each in form.getlist(key)]
        if not sent:
            return ABSENT
        if kind == "check":
            return sent[-1] == "true"
        text = sent[-1].replace("\r\n", "\n")
        if kind == "password" and text == "":
            return ABSENT
        free = schema.get("type") == "string" and not schema.get("enum") and schema.get("format") is None
        if text == "" and (not free or required or schema.get("nullable")):
            return blank(schema, required)
        return convert(text, schema)


def _says_nothing(value: Any) -> bool:
    """Whether a field is drawn as one that nobody has filled in: a form sends more of those than there were."""
    return value is None or value is False or value in ("", [], {})


def empty_of(schema: Schema) -> Any:
    """What a variant starts with when it is chosen."""
    if "default" in schema or "const" in schema:
        return schema.get("default", schema.get("const"))
    fresh: dict[str, Any] = {"object": {}, "array": [], "boolean": False, "string": ""}
    return fresh.get(str(schema.get("type")), 0)


def _number(form: FormData, name: str) -> int:
    text = str(form[name])
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def command(
    name: str, values: Mapping[str, Any], defaults: Mapping[str, Any], more: Mapping[str, str] = {}
) -> str:
    """The same run as a command; only what differs from the defaults is said; `more` are options."""
    said = [(key, at_prompt(values[key])) for key in changed(values, defaults)]
    options = [f"-p {shlex.quote(f'{key}={value}')}" for key, value in said]
    options += [f"{option} {shlex.quote(text)}" for option, text in more.items() if text]
    return " \\\n    ".join([f"orion deployment run {shlex.quote(name)}", *options])


def changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The names of the values that differ from the defaults."""
    return [key for key, value in values.items() if key not in defaults or not same(value, defaults[key])]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1 is neither true nor 1.0."""
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(
        other, order="deterministic"
    )


def at_prompt(value: Any) -> str:
    """A value as the command reads it: as JSON, or else as text; text that looks like JSON is quoted as such."""
    if not isinstance(value, str):
        return plain(value)
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return value
    return json.dumps(value, ensure_ascii=False)


def differing(fields: Sequence[Field]) -> int:
    """How many fields differ from their defaults."""
    return sum(differing(each.parts) if each.kind == "group" else each.changed for each in fields)


def keep_typed(fields: Sequence[Field], form: FormData) -> None:
    """Put back what was typed: wrong texts where they stood, and the empty rows of lists."""
    for each in fields:
        if each.kind == "list" and f"{each.path}~" in form:
            each.parts = [_typed_row(each, str(text)) for text in form.getlist(each.path)]
        else:
            keep_typed(each.parts, form)
        if each.error and each.path in form and not each.parts and not each.stays:
            each.text = str(form[each.path])


def forget_secrets(fields: Sequence[Field], form: FormData, held: Sequence[Field]) -> None:
    """Say of secrets that were typed that they are gone: no page holds them. `held` are the fields before."""
    before = {each.path: each for each in held}
    for each in fields:
        old = before.get(each.path)
        forget_secrets(each.parts, form, old.parts if old else ())
        text = str(form.get(each.path, "")).replace("\r\n", "\n").strip()
        if each.kind == "password" and text:
            each.is_set, each.error = False, AGAIN
        elif each.stays and text:
            was = old.text if old else ""
            each.error = each.error or ("" if alike(_parsed(text), _parsed(was)) else AGAIN)
            each.text = was


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _typed_row(field: Field, text: str) -> Field:
    like = field.parts[0] if field.parts else Field(field.path, field.title, "text")
    return Field(
        field.path, field.title, like.kind, text, options=like.options, limits=like.limits, slug=like.slug
    )
