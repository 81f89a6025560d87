"""Block schemas: the fields of a block type, unique by checksum and version."""

from __future__ import annotations

from datetime import datetime

from orion.errors import NotFound
from orion.model.blocks import BlockSchema, BlockSchemaCreate
from orion.model.filters import BlockSchemaFilter
from orion.model.ids import new_id
from orion.store import paging, sql
from orion.store.base import Conn, Row
from orion.store.block_types import TYPE
from orion.store.filters import where_own
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

Q = sql.load("block_schemas")
SCHEMA = Rows(BlockSchema, "block_schema", leave_out=("block_type",))
COLUMNS = f"{SCHEMA.columns}, {TYPE.columns}"
TYPE_OF = "JOIN block_type ON block_type.id = block_schema.block_type_id"
LISTING = Listing(
    "block_schema", COLUMNS, TYPE_OF, {"CREATED_DESC": Sort("block_schema.created", descending=True)}
)
GET = f"SELECT {COLUMNS} FROM block_schema {TYPE_OF} WHERE block_schema.id = :id"
BY_CHECKSUM = Q.by_checksum.replace("{columns}", COLUMNS)
INSERT = f"{SCHEMA.insert} ON CONFLICT (checksum, version) DO NOTHING"


def create(conn: Conn, wanted: BlockSchemaCreate, checksum: str, now: datetime) -> tuple[BlockSchema, bool]:
    """Make a schema, or find the one of this checksum and version; and whether it is new."""
    schema = BlockSchema(
        id=new_id(),
        created=now,
        updated=now,
        checksum=checksum,
        fields=wanted.fields,
        block_type_id=wanted.block_type_id,
        capabilities=wanted.capabilities,
        version=wanted.version,
    )
    created = conn.run(INSERT, SCHEMA.values(conn, schema)) > 0
    found = by_checksum(conn, checksum, wanted.version)
    assert found is not None
    return found, created


def get(conn: Conn, id: str) -> BlockSchema | None:
    row = conn.one(GET, {"id": id})
    return read(conn, row) if row else None


def by_checksum(conn: Conn, checksum: str, version: str | None = None) -> BlockSchema | None:
    """The schema of a checksum; of several versions the newest, unless one is named."""
    row = conn.one(BY_CHECKSUM, {"checksum": checksum, "version": version})
    return read(conn, row) if row else None


def filter(conn: Conn, criteria: BlockSchemaFilter | None, limit: int, offset: int = 0) -> list[BlockSchema]:
    """The schemas that meet the filter, newest first."""
    condition = where_own(conn, "block_schema", criteria)
    return [read(conn, row) for row in paging.rows(conn, LISTING, condition, None, limit, offset)]


def delete(conn: Conn, id: str) -> None:
    """Delete a schema with its documents."""
    if not conn.run("DELETE FROM block_schema WHERE id = :id", {"id": id}):
        raise NotFound("Block schema not found")


def capabilities(conn: Conn) -> list[str]:
    """The capabilities that some schema has."""
    return [
        name
        for (name,) in conn.all(Q.capabilities_postgres if conn.dialect == "postgres" else Q.capabilities)
    ]


def read(conn: Conn, row: Row) -> BlockSchema:
    """A schema of a row: its columns, then those of its type."""
    return SCHEMA.read(conn, row, block_type=TYPE.read(conn, row[SCHEMA.width :]))
