"""Block types: the kinds of blocks that clients have registered, known by their slug."""

from __future__ import annotations

from datetime import datetime

from orion.errors import Conflict, NotFound
from orion.model.blocks import BlockType, BlockTypeCreate, BlockTypeUpdate
from orion.model.filters import BlockSchemaFilter, BlockTypeFilter
from orion.model.ids import new_id
from orion.store import changes, paging
from orion.store.base import Conn
from orion.store.filters import where_blocks
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

TYPE = Rows(BlockType, "block_type")
LISTING = Listing("block_type", TYPE.columns, "", {"NAME_ASC": Sort("block_type.name")})
GET = f"SELECT {TYPE.columns} FROM block_type WHERE id = :id"
BY_SLUG = f"SELECT {TYPE.columns} FROM block_type WHERE slug = :slug"
INSERT = f"{TYPE.insert} ON CONFLICT DO NOTHING"


def create(conn: Conn, wanted: BlockTypeCreate, now: datetime) -> BlockType:
    """Make a type; a name or slug that is taken is refused."""
    kind = BlockType(
        id=new_id(),
        created=now,
        updated=now,
        name=wanted.name,
        slug=wanted.slug,
        logo_url=wanted.logo_url,
        documentation_url=wanted.documentation_url,
        description=wanted.description,
        code_example=wanted.code_example,
    )
    if not conn.run(INSERT, TYPE.values(conn, kind)):
        raise Conflict(f"A block type named {wanted.name!r} or with the slug {wanted.slug!r} exists already.")
    return kind


def get(conn: Conn, id: str) -> BlockType | None:
    row = conn.one(GET, {"id": id})
    return TYPE.read(conn, row) if row else None


def by_slug(conn: Conn, slug: str) -> BlockType | None:
    row = conn.one(BY_SLUG, {"slug": slug})
    return TYPE.read(conn, row) if row else None


def update(conn: Conn, id: str, wanted: BlockTypeUpdate, now: datetime) -> None:
    """Change what is given."""
    if not changes.apply(conn, "block_type", id, changes.given(wanted), now):
        raise NotFound("Block type not found")


def delete(conn: Conn, id: str) -> None:
    """Delete a type with its schemas and documents."""
    if not conn.run("DELETE FROM block_type WHERE id = :id", {"id": id}):
        raise NotFound("Block type not found")


def count(conn: Conn) -> int:
    """How many types there are."""
    return int(paging.scalar(conn, "SELECT count(*) FROM block_type", {}))


def filter(
    conn: Conn, types: BlockTypeFilter | None, schemas: BlockSchemaFilter | None, limit: int, offset: int = 0
) -> list[BlockType]:
    """The types that meet the filter, or have a schema that meets theirs, by name."""
    condition = where_blocks(conn, "block_type", types=types, schemas=schemas)
    return TYPE.read_all(conn, paging.rows(conn, LISTING, condition, None, limit, offset))
