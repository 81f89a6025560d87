"""The JSON schema of a block class in the form of the API: definitions, secret fields, references to other blocks."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from inspect import cleandoc
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from orion.blocks.core import Block
from orion.blocks.fields import MISSING, Field, is_block
from orion.blocks.secrets import SECRETS, SecretDict, SecretStr
from orion.model.checksums import checksum

REF = "#/definitions/{name}"
NONE = type(None)


def block_schema(cls: type[Block]) -> dict[str, Any]:
    """The whole schema of a class."""
    return Writer(cls, ()).written()


def checksum_of(cls: type[Block]) -> str:
    """The checksum that the API computes of the schema."""
    return checksum(msgspec.json.encode(block_schema(cls)))


def inner_blocks(cls: type[Block]) -> list[type[Block]]:
    """The block classes that the fields of a class name, in order."""
    found = [inner for each in cls._block_fields.values() for inner in _blocks_in(each.hint)]
    return [inner for inner in dict.fromkeys(found) if inner is not cls]


def _blocks_in(hint: Any) -> list[type[Block]]:
    if is_block(hint):
        return [hint]
    return [inner for part in get_args(hint) for inner in _blocks_in(part)]


class Writer:
    """Writes the schema of one class; `above` are the classes whose schemas it is written for."""

    def __init__(self, cls: type[Block], above: tuple[type[Block], ...]) -> None:
        self.cls, self.above = cls, (*above, cls)
        self.secrets: list[str] = []
        self.references: dict[str, Any] = {}
        self.definitions: dict[str, Any] = {}

    def written(self) -> dict[str, Any]:
        fields = self.cls._block_fields
        properties = {name: self._property(name, field) for name, field in fields.items()}
        required = [name for name, field in fields.items() if field.required]
        doc = self.cls.__dict__.get("__doc__")
        return {
            "title": self.cls.__name__,
            **({"description": cleandoc(doc)} if doc else {}),
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "block_type_slug": self.cls.get_block_type_slug(),
            "secret_fields": self.secrets,
            "block_schema_references": self.references,
            **({"definitions": self.definitions} if self.definitions else {}),
        }

    def _property(self, name: str, field: Field) -> dict[str, Any]:
        words = {"title": field.title or name.replace("_", " ").title()}
        if field.description:
            words["description"] = field.description
        shape = self._shape(field.hint, name, name)
        if "$ref" in shape:
            return shape
        return {**words, **shape, **self._default(field)}

    def _default(self, field: Field) -> dict[str, Any]:
        if field.default in (MISSING, None) or isinstance(field.default, (Block, *SECRETS)):
            return {}
        return {"default": msgspec.to_builtins(field.default, str_keys=True, enc_hook=str)}

    def _shape(self, hint: Any, field: str, path: str) -> dict[str, Any]:
        """The schema of a type; `path` is where its value stands in the data."""
        if is_block(hint):
            return self._block(hint, field, path)
        if hint in SECRETS:
            return self._secret(hint, path)
        origin, parts = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            kinds = [part for part in parts if part is not NONE]
            shapes = [self._shape(part, field, path) for part in kinds]
            return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        if origin is typing.Annotated and _holds_own(parts[0]):
            return self._shape(parts[0], field, path)
        if not _holds_own(hint):
            return self._plain(hint)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self._shape(parts[1], field, f"{path}.*")}
        return {"type": "array", "items": self._shape(parts[0], field, f"{path}.*")}

    def _secret(self, hint: Any, path: str) -> dict[str, Any]:
        self.secrets.append(f"{path}.*" if hint is SecretDict else path)
        if hint is SecretDict:
            return {"type": "object"}
        return {**({"type": "string"} if hint is SecretStr else {}), "writeOnly": True, "format": "password"}

    def _block(self, hint: type[Block], field: str, path: str) -> dict[str, Any]:
        shape = {"$ref": REF.format(name=hint.__name__)}
        if hint in self.above:
            return shape
        inner = Writer(hint, self.above).written()
        self._refer(
            field, {"block_type_slug": hint.get_block_type_slug(), "block_schema_checksum": checksum_of(hint)}
        )
        self.secrets += [f"{path}.{secret}" for secret in inner["secret_fields"]]
        self.definitions |= inner.pop("definitions", {})
        self.definitions[hint.__name__] = inner
        return shape

    def _refer(self, field: str, reference: dict[str, str]) -> None:
        before = self.references.get(field)
        known = before if isinstance(before, list) else [before] if before else []
        if reference not in known:
            self.references[field] = [*known, reference] if known else reference

    def _plain(self, hint: Any) -> dict[str, Any]:
        if hint is Any:
            return {}
        try:
            (shape,), found = msgspec.json.schema_components([hint], schema_hook=_other, ref_template=REF)
        except (TypeError, ValueError):
            return {}
        self.definitions |= found
        return dict(shape)


def _holds_own(hint: Any) -> bool:
    return (
        is_block(hint)
        or hint in SECRETS
        or any(_holds_own(part) for part in get_args(hint) if part is not ...)
    )


def _other(kind: Any) -> dict[str, Any]:
    from pathlib import PurePath

    return (
        {"type": "string", "format": "path"} if isinstance(kind, type) and issubclass(kind, PurePath) else {}
    )
