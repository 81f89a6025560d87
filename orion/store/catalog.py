"""The built-in block types in the database: made when they are first asked for, and kept as this orion knows them."""

from __future__ import annotations

from datetime import datetime

from orion.model.blocks import BlockSchemaCreate, BlockType
from orion.model.catalog import Entry
from orion.model.ids import new_id
from orion.store import block_schemas, block_types, changes
from orion.store.base import Conn


def install(conn: Conn, entries: tuple[Entry, ...], now: datetime) -> None:
    """Make the types and schemas that are missing; types are protected from change by clients."""
    for entry in entries:
        kind = block_types.by_slug(conn, entry.slug) or _insert(conn, entry, now)
        if kind is None:
            continue
        words = {
            name: getattr(entry, name)
            for name in ("logo_url", "documentation_url", "description", "code_example")
        }
        if not kind.is_protected or any(getattr(kind, name) != value for name, value in words.items()):
            changes.apply(conn, "block_type", kind.id, {**words, "is_protected": True}, now)
        wanted = BlockSchemaCreate(
            fields=entry.fields, block_type_id=kind.id, capabilities=entry.capabilities
        )
        block_schemas.create(conn, wanted, entry.checksum, now)


def _insert(conn: Conn, entry: Entry, now: datetime) -> BlockType | None:
    """The new type; None where a client has given its name to another type."""
    kind = BlockType(
        id=new_id(), created=now, updated=now, name=entry.name, slug=entry.slug, is_protected=True
    )
    return kind if conn.run(block_types.INSERT, block_types.TYPE.values(conn, kind)) else None
