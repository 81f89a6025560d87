"""Blocks as the wire shows them: types, schemas and documents."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from orion.errors import Invalid
from orion.model.ids import Id
from orion.model.wire import EMPTY_OBJECT, Body, JsonObject

NAME = r"^[a-z0-9-]+$"
Slug = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-z0-9-]+$")]
Url = Annotated[str, Meta(max_length=2000)]


def check_name(name: str) -> None:
    """Raise `Invalid` with what is wrong with the name of a block, before the API says it in other words."""
    if len(name) > 255 or not re.fullmatch(NAME, name):
        raise Invalid(
            f"A block's name has small letters, digits and dashes only, 255 at most; it is {name[:80]!r}."
        )


class BlockType(Struct, kw_only=True):
    """A kind of block."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    slug: str
    logo_url: str | None = None
    documentation_url: str | None = None
    description: str | None = None
    code_example: str | None = None
    is_protected: bool = False


class BlockTypeCreate(Struct, kw_only=True):
    """A block type to make."""

    name: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^/%&><\x00]+$")]
    slug: Slug
    logo_url: Url | None = None
    documentation_url: Url | None = None
    description: str | None = None
    code_example: str | None = None


class BlockTypeUpdate(Struct, kw_only=True):
    """What of a block type can be changed."""

    logo_url: Url | None | UnsetType = UNSET
    documentation_url: Url | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    code_example: str | None | UnsetType = UNSET


class BlockSchema(Struct, kw_only=True):
    """The fields of a block type, one version of them."""

    id: Id
    created: datetime
    updated: datetime
    checksum: str
    fields: Raw
    block_type_id: Id
    block_type: BlockType | None = None
    capabilities: list[str] = []
    version: str = "non-versioned"


class BlockSchemaCreate(Body, kw_only=True):
    """A block schema to find or make, by checksum and version."""

    fields: Raw
    block_type_id: Id
    capabilities: list[str] = field(default_factory=list)
    version: str = "non-versioned"


class BlockDocument(Struct, kw_only=True):
    """A filled-in block. Secrets are masked unless they were asked for."""

    id: Id
    created: datetime
    updated: datetime
    name: str | None
    data: Raw
    block_schema_id: Id
    block_schema: BlockSchema | None = None
    block_type_id: Id
    block_type_name: str | None = None
    block_type: BlockType | None = None
    block_document_references: dict[str, Any] = {}
    is_anonymous: bool = False


class BlockDocumentCreate(Body, kw_only=True):
    """A block document to make."""

    name: Annotated[str, Meta(max_length=255, pattern=NAME)] | None = None
    data: JsonObject = EMPTY_OBJECT
    block_schema_id: Id
    block_type_id: Id
    is_anonymous: bool = False


class BlockDocumentUpdate(Body, kw_only=True):
    """What of a block document can be changed."""

    block_schema_id: Id | UnsetType = UNSET
    data: JsonObject | UnsetType = UNSET
    merge_existing_data: bool = True
