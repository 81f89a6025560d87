"""Block documents: filled-in blocks, encrypted in the database, with secrets masked unless asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, structs

from orion.errors import Invalid, NotFound
from orion.model.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate
from orion.model.filters import BlockDocumentFilter, BlockTypeFilter, EqualsCriterion, TextCriterion
from orion.model.ids import new_id
from orion.model.wire import unraw
from orion.store import block_console, block_documents, secret_fields
from orion.store.shown_blocks import Opener, own_data, shown
from orion.vault import Vault, open_vault
from orion.web.call import Call, Reply
from orion.web.paging import window

NAMED = BlockDocumentFilter(is_anonymous=EqualsCriterion(eq_=False))


async def create(call: Call) -> Reply:
    """Create a block document; a name that is taken gives 409."""
    body: BlockDocumentCreate = call.body
    if body.name is None and not body.is_anonymous:
        raise Invalid("A block document needs a name unless it is anonymous.")
    return Reply(await call.store.write(_create, body, vault_of(call), call.now), status=201)


def _create(conn: Any, body: BlockDocumentCreate, vault: Opener, now: datetime) -> BlockDocument:
    data = unraw(body.data)
    sealed = secret_fields.seal(data, vault(make=not block_documents.any(conn)))
    name = body.name or f"anonymous-{new_id()}"
    made = block_documents.create(conn, structs.replace(body, name=name, data=sealed), now)
    block_console.set_links(conn, made.id, data)
    return shown(conn, made, vault, secrets=False)


async def read(call: Call) -> Reply:
    """Read a block document; secrets are masked without `include_secrets`."""
    secrets = call.flag("include_secrets")
    return Reply(await call.store.read(_read, call.path["id"], vault_of(call), secrets))


def _read(conn: Any, document_id: str, vault: Opener, secrets: bool) -> BlockDocument:
    return shown(conn, _found(block_documents.get(conn, document_id)), vault, secrets)


async def read_by_name(call: Call) -> Reply:
    """Read a block document by its type's slug and its name."""
    names = call.path["slug"], call.path["block_document_name"]
    return Reply(await call.store.read(_read_by_name, *names, vault_of(call), call.flag("include_secrets")))


def _read_by_name(conn: Any, slug: str, name: str, vault: Opener, secrets: bool) -> BlockDocument:
    return shown(conn, _found(block_documents.by_name(conn, slug, name)), vault, secrets)


async def of_type(call: Call) -> Reply:
    """List the named block documents of a type."""
    return Reply(
        await call.store.read(_of_type, call.path["slug"], vault_of(call), call.flag("include_secrets"))
    )


def _of_type(conn: Any, slug: str, vault: Opener, secrets: bool) -> list[BlockDocument]:
    kinds = BlockTypeFilter(slug=TextCriterion(any_=[slug]))
    rows = block_documents.filter(conn, NAMED, kinds, None, "NAME_ASC", 200, 0)
    return [shown(conn, document, vault, secrets) for document in rows]


async def filter(call: Call) -> Reply:
    """List block documents; anonymous ones only when asked for."""
    return Reply(await call.store.read(_filter, call.body, *window(call), vault_of(call)))


def _filter(conn: Any, body: Any, limit: int, offset: int, vault: Opener) -> list[BlockDocument]:
    wanted = _named_unless_asked(body.block_documents)
    rows = block_documents.filter(
        conn, wanted, body.block_types, body.block_schemas, body.sort, limit, offset
    )
    return [shown(conn, document, vault, bool(body.include_secrets)) for document in rows]


async def count(call: Call) -> Reply:
    """Count block documents; anonymous ones only when asked for."""
    body = call.body
    wanted = _named_unless_asked(body.block_documents)
    return Reply(await call.store.read(block_documents.count, wanted, body.block_types, body.block_schemas))


async def update(call: Call) -> Reply:
    """Change a block document: keys of `data` are merged, and a mask that is sent back keeps its secret."""
    await call.store.write(_update, call.path["id"], call.body, vault_of(call), call.now)
    return Reply(status=204)


def _update(conn: Any, document_id: str, body: BlockDocumentUpdate, vault: Opener, now: datetime) -> None:
    document = _found(block_documents.get(conn, document_id))
    schema_id = document.block_schema_id if body.block_schema_id is UNSET else body.block_schema_id
    data = document.data
    if body.data is not UNSET:
        old = own_data(document, vault, secrets=True)
        seen = unraw(shown(conn, document, vault, secrets=False).data)
        new = secret_fields.keep_masked(unraw(body.data), old, seen)
        whole = {**old, **new} if body.merge_existing_data else new
        data = secret_fields.seal(whole, vault())
        block_console.set_links(conn, document_id, whole)
    block_documents.update(conn, document_id, schema_id, data, now)


async def delete(call: Call) -> Reply:
    """Delete a block document."""
    await call.store.write(block_documents.delete, call.path["id"])
    return Reply(status=204, location="blocks")


def _named_unless_asked(filter: BlockDocumentFilter | None) -> BlockDocumentFilter:
    if filter is None:
        return NAMED
    return (
        filter
        if filter.is_anonymous is not None
        else structs.replace(filter, is_anonymous=NAMED.is_anonymous)
    )


def vault_of(call: Call) -> Opener:
    """Opens the vault when data is met. A key is made for the first document only: later a missing one is lost."""

    def opener(make: bool = False) -> Vault:
        return open_vault(call.settings, make=make)

    return opener


def _found(document: BlockDocument | None) -> BlockDocument:
    if document is None:
        raise NotFound("Block document not found")
    return document
