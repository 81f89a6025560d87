"""The form of a block: the schema of its type as fields, secrets that are never filled, saved blocks to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData

from orion.store.secret_fields import secret_paths
from orion.web.pages.controls import ABSENT, control, typed
from orion.web.pages.run_form import Field, Form
from orion.web.pages.schema import Schema

HERE = "here"  # chosen for a block inside that is not saved by itself
Choices = Mapping[str, list[tuple[str, str]]]


class BlockForm(Form):
    """The form of one schema. `shown` is the data of a saved block with its links, secrets masked; {} for a new one."""

    def __init__(self, schema: Any, shown: Mapping[str, Any], choices: Choices) -> None:
        super().__init__(schema)
        self.shown, self.choices = shown, choices
        self.hidden = {".".join(["p", *path]) for path in secret_paths(self.schema)}

    def blocks(self) -> set[str]:
        """The slugs of the types of blocks that may be inside."""
        found: set[str] = set()
        _slugs_of(self.schema, found)
        return found

    def filled(self, values: Mapping[str, Any], errors: Mapping[str, str] = {}) -> list[Field]:
        """The fields with these values; what differs from the saved block is marked."""
        return self.fields(values, self.shown or self.defaults(), errors)

    def take_back(self, fields: list[Field], sent: FormData) -> None:
        """Take secrets that were typed out of the fields again: a form that comes back with faults never holds them."""
        for each in fields:
            if each.parts:
                self.take_back(each.parts, sent)
            elif each.kind != "held" and (each.path in self.hidden or self._holds_secrets(each.path)):
                before = self._at(each.path)
                each.text = "" if each.kind == "secret" or before is ABSENT else typed(before, each.kind)
                if str(sent.get(each.path, "")).strip() not in ("", each.text.strip()) and not each.error:
                    each.error = "Type it again: secrets are not sent back."

    def _holds_secrets(self, path: str) -> bool:
        return any(secret.startswith(f"{path}.") for secret in self.hidden)

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
        slugs = self._slugs(schema)
        if slugs:
            return self._block(name, schema, slugs, value, default, required, path, errors)
        made = super()._field(name, self._as_json(schema, path), value, default, required, path, errors)
        if path in self.hidden or made.kind == "password":
            made.kind, made.text, made.type_words, made.parts = "secret", "", "secret", []
            made.is_set = self._at(path) not in (None, ABSENT)
            made.required, made.limits = required and not made.is_set, {"clear": not required}
            made.changed = False
        made.stays = made.kind == "secret" or (not made.parts and self._holds_secrets(path))
        return made

    def _block(
        self,
        name: str,
        schema: Schema,
        slugs: list[str],
        value: Any,
        default: Any,
        required: bool,
        path: str,
        errors: Mapping[str, str],
    ) -> Field:
        chosen = _linked(value)
        options = [(id, f"{slug} / {doc}") for slug in slugs for id, doc in self.choices.get(slug, ())]
        if chosen and chosen not in dict(options):
            options.append((chosen, "a block that was deleted"))
        if isinstance(value, dict) and value and not chosen:
            options.append((HERE, "as it is, only here"))
            chosen = HERE
        made = Field(path, name, "held", chosen, f"block · {' or '.join(slugs)}", required=required)
        made.hint, made.error = str(schema.get("description") or ""), errors.get(path, "")
        made.choices, made.changed, made.options = options, value != default, slugs
        return made

    def _value(self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool) -> Any:
        slugs = self._slugs(schema)
        if slugs:
            return self._picked(str(form.get(key, "")), key, required)
        if key in self.hidden or control(schema) == "password":
            return self._secret(schema, form, key, errors, required)
        return super()._value(self._as_json(schema, key), form, key, errors, required)

    def _picked(self, id: str, key: str, required: bool) -> Any:
        if id == HERE:
            return self._at(key)
        if id:
            return {"$ref": {"block_document_id": id}}
        if required:
            raise ValueError("Choose a block.")
        return ABSENT

    def _secret(
        self, schema: Schema, form: FormData, key: str, errors: dict[str, str], required: bool
    ) -> Any:
        """What was typed; the stored secret, by its mask, where nothing was, unless it is to be cleared."""
        text = str(form.get(key, "")).replace("\r\n", "\n")
        if text:
            whole = schema.get("type") in ("object", "array", "integer", "number", "boolean")
            plain = {**schema, "writeOnly": False, "format": None}
            return super()._value(plain, form, key, errors, required) if whole else text
        is_set = self._at(key) not in (None, ABSENT)
        if is_set and not form.get(f"clear.{key}"):
            return self._at(key)  # the mask, which stands for the secret
        if required:
            raise ValueError("It is required.")
        return ABSENT

    def _slugs(self, schema: Schema) -> list[str]:
        """The types of block that a field takes: the one of its definition, or each of those that it may be."""
        slugs = [each.get("block_type_slug") for each in (schema, *(schema.get("variants") or ()))]
        found = [str(slug) for slug in slugs if slug]
        return found if len(found) == max(len(slugs) - 1, 1) else []

    def _as_json(self, schema: Schema, path: str) -> Schema:
        """A list or a choice of kinds with secrets or blocks in it is written as JSON, where masks and links stay."""
        if control(schema) not in ("list", "rows", "union"):
            return schema
        inside: set[str] = set()
        _slugs_of(schema, inside)
        if not inside and not self._holds_secrets(path) and path not in self.hidden:
            return schema
        return {name: value for name, value in schema.items() if name not in ("items", "variants")}

    def _at(self, path: str) -> Any:
        """What the saved block shows at a path of the form."""
        found: Any = self.shown
        for step in path.split(".")[1:]:
            if not isinstance(found, Mapping) or step not in found:
                return ABSENT
            found = found[step]
        return found


def _linked(value: Any) -> str:
    match value:
        case {"$ref": {"block_document_id": str(id)}}:
            return id
    return ""


def _slugs_of(node: Any, found: set[str]) -> None:
    match node:
        case dict():
            definitions = node.get("definitions") or node.get("$defs") or {}
            for each in (*definitions.values(), *node.values()) if isinstance(definitions, dict) else ():
                if isinstance(each, dict) and isinstance(each.get("block_type_slug"), str):
                    found.add(each["block_type_slug"])
                if isinstance(each, dict | list):
                    _slugs_of(each, found)
        case list():
            for each in node:
                _slugs_of(each, found)


def whole(form: BlockForm, values: dict[str, Any]) -> dict[str, Any]:
    """The data to save: what was typed, and what the saved block has beyond the fields of the schema."""
    known = set(form.schema.get("properties") or ())
    return {**{name: value for name, value in form.shown.items() if name not in known}, **values}
