"""Kinds of blocks, as pages show them: what they are for, the icon that says so, the newest schema."""

from __future__ import annotations

from collections.abc import Iterable

from orion.model.blocks import BlockDocument, BlockSchema, BlockType
from orion.model.filters import BlockSchemaFilter, IdCriterion
from orion.store import block_schemas, block_types
from orion.store.base import Conn
from orion.web.pages.shared import found

GROUPS = {
    "store": ("read-path", "write-path", "get-directory", "put-directory"),
    "run": ("run-infrastructure",),
    "notify": ("notify",),
}
PLAIN = ("json", "string", "date-time")


def newest_of(conn: Conn, slug: str) -> BlockSchema:
    """The newest schema of a type, by its slug."""
    type = found(block_types.by_slug(conn, slug), "block type")
    schema: BlockSchema = found(schema_of(conn, type), f"schema of {slug}")
    return schema


def schema_of(conn: Conn, type: BlockType) -> BlockSchema | None:
    """The newest schema of a type, if it has any."""
    wanted = BlockSchemaFilter(block_type_id=IdCriterion(any_=[type.id]))
    rows = block_schemas.filter(conn, wanted, 1)
    return rows[0] if rows else None


def icon_of(document: BlockDocument) -> str:
    """The icon of a saved block."""
    slug = document.block_type.slug if document.block_type else ""
    return icon(slug, document.block_schema.capabilities if document.block_schema else [])


def icon(slug: str, capabilities: Iterable[str]) -> str:
    """The icon of a type: what its blocks can do, else what they hold."""
    able = set(capabilities)
    for icon, name in (("send", "notify"), ("cpu", "run"), ("box", "store")):
        if able & set(GROUPS[name]):
            return icon
    return "lock" if slug == "secret" else "braces" if slug in PLAIN else "blocks"
