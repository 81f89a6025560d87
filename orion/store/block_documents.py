"""Block documents: filled-in blocks; their data comes sealed and is kept as it comes."""

from __future__ import annotations

from datetime import datetime

from msgspec import Raw

from orion.errors import Conflict, NotFound
from orion.model.blocks import BlockDocument, BlockDocumentCreate
from orion.model.filters import BlockDocumentFilter, BlockSchemaFilter, BlockTypeFilter
from orion.model.ids import new_id
from orion.model.wire import EMPTY_OBJECT
from orion.store import block_schemas, block_types, changes, paging, secret_fields, sql
from orion.store.base import Conn, Row
from orion.store.filters import where_blocks
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text, raw_text
from orion.vault import Vault

Q = sql.load("block_documents")
COMPUTED = ("block_schema", "block_type", "block_type_name", "block_document_references")
DOCUMENT = Rows(BlockDocument, "block_document", leave_out=COMPUTED)
COLUMNS = f"{DOCUMENT.columns}, {block_schemas.COLUMNS}"
PARTS = (
    "JOIN block_schema ON block_schema.id = block_document.block_schema_id "
    "JOIN block_type ON block_type.id = block_document.block_type_id"
)
LISTING = Listing(
    "block_document",
    COLUMNS,
    PARTS,
    {
        "NAME_ASC": Sort("block_document.name"),
        "NAME_DESC": Sort("block_document.name", descending=True),
        "BLOCK_TYPE_AND_NAME_ASC": Sort("block_document.block_type_id", then="block_document.name"),
    },
)
GET = f"SELECT {COLUMNS} FROM block_document {PARTS} WHERE block_document.id = :id"
SEVERAL = f"SELECT {COLUMNS} FROM block_document {PARTS} WHERE block_document.id IN {{listed:ids}}"
BY_NAME = f"SELECT {COLUMNS} FROM block_document {PARTS} WHERE block_type.slug = :slug AND block_document.name = :name"
INSERT = f"{DOCUMENT.insert} ON CONFLICT (block_type_id, name) DO NOTHING"


def create(conn: Conn, wanted: BlockDocumentCreate, now: datetime) -> BlockDocument:
    """Make a document; a name that its type has already is refused."""
    schema = block_schemas.get(conn, wanted.block_schema_id)
    if schema is None or schema.block_type_id != wanted.block_type_id:
        raise Conflict("The block schema is not there, or is one of another block type.")
    document = BlockDocument(
        id=new_id(),
        created=now,
        updated=now,
        name=wanted.name,
        data=wanted.data or EMPTY_OBJECT,
        block_schema_id=wanted.block_schema_id,
        block_type_id=wanted.block_type_id,
        is_anonymous=wanted.is_anonymous,
    )
    if not conn.run(INSERT, DOCUMENT.values(conn, document)):
        raise Conflict("Block already exists")
    found = get(conn, document.id)
    assert found is not None
    return found


def get(conn: Conn, id: str) -> BlockDocument | None:
    row = conn.one(GET, {"id": id})
    return _read(conn, row) if row else None


def several(conn: Conn, ids: list[str]) -> list[BlockDocument]:
    """Documents by their ids, in no order."""
    return [_read(conn, row) for row in conn.all(SEVERAL, {"ids": json_text(ids)})] if ids else []


def by_name(conn: Conn, slug: str, name: str) -> BlockDocument | None:
    """The document of a type and name."""
    row = conn.one(BY_NAME, {"slug": slug, "name": name})
    return _read(conn, row) if row else None


def filter(
    conn: Conn,
    documents: BlockDocumentFilter | None,
    types: BlockTypeFilter | None,
    schemas: BlockSchemaFilter | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
) -> list[BlockDocument]:
    """The documents that meet the filters of their own, their type and their schema."""
    condition = where_blocks(conn, "block_document", documents=documents, types=types, schemas=schemas)
    return [_read(conn, row) for row in paging.rows(conn, LISTING, condition, sort, limit, offset)]


def count(
    conn: Conn,
    documents: BlockDocumentFilter | None,
    types: BlockTypeFilter | None = None,
    schemas: BlockSchemaFilter | None = None,
) -> int:
    condition = where_blocks(conn, "block_document", documents=documents, types=types, schemas=schemas)
    return paging.count(conn, "block_document", condition)


def any(conn: Conn) -> bool:
    """Whether there is a document at all."""
    return conn.one("SELECT 1 FROM block_document LIMIT 1") is not None


def reseal(conn: Conn, after: str, limit: int, vault: Vault) -> list[str]:
    """Seal the data of the next documents after an id with the vault's first key; their ids."""
    rows = conn.all(Q.sealed_after, {"after": after, "limit": limit})
    for id, data in rows:
        conn.run(Q.reseal, {"id": id, "data": raw_text(secret_fields.reseal(data.encode(), vault))})
    return [id for id, _ in rows]


def update(conn: Conn, id: str, block_schema_id: str, data: Raw, now: datetime) -> None:
    """Give a document other data, and the schema that describes it."""
    schema, document = block_schemas.get(conn, block_schema_id), get(conn, id)
    if document and (schema is None or schema.block_type_id != document.block_type_id):
        raise Conflict("The block schema is not there, or is one of another block type.")
    if not changes.apply(conn, "block_document", id, {"block_schema_id": block_schema_id, "data": data}, now):
        raise NotFound("Block document not found")


def delete(conn: Conn, id: str) -> None:
    if not conn.run("DELETE FROM block_document WHERE id = :id", {"id": id}):
        raise NotFound("Block document not found")


def _read(conn: Conn, row: Row) -> BlockDocument:
    schema = block_schemas.read(conn, row[DOCUMENT.width :])
    kind = block_types.TYPE.read(conn, row[DOCUMENT.width + block_schemas.SCHEMA.width :])
    return DOCUMENT.read(conn, row, block_schema=schema, block_type=kind, block_type_name=kind.name)
