"""Block documents: filled-in blocks, with their secrets sealed in the database and masked unless asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET, structs

from orion.errors import Conflict, Invalid, NotFound
from orion.model.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate
from orion.model.filters import BlockDocumentFilter, BlockTypeFilter, EqualsCriterion, TextCriterion
from orion.model.ids import new_id
from orion.model.wire import raw, unraw
from orion.store import block_documents, block_schemas, secret_fields
from orion.store.shown_blocks import shown
from orion.vault import Vault, open_vault
from orion.web.call import Call, Reply
from orion.web.paging import window

Opener = Callable[[], Vault]
NAMED = BlockDocumentFilter(is_anonymous=EqualsCriterion(eq_=False))


async def create(call: Call) -> Reply:
    """Create a block document; a name that is taken gives 409."""
    body: BlockDocumentCreate = call.body
    _check_data(body.data)
    if body.name is None and not body.is_anonymous:
        raise Invalid("A block document needs a name unless it is anonymous.")
    return Reply(await call.store.write(_create, body, _vault(call), call.now), status=201)


def _create(conn: Any, body: BlockDocumentCreate, vault: Opener, now: datetime) -> BlockDocument:
    paths = _secret_paths(conn, body.block_schema_id)
    data = secret_fields.seal(unraw(body.data), paths, vault()) if paths else unraw(body.data)
    name = body.name or f"anonymous-{new_id()}"
    made = block_documents.create(conn, structs.replace(body, name=name, data=raw(data)), now)
    return shown(conn, made, vault, secrets=False)


async def read(call: Call) -> Reply:
    """Read a block document; secrets are masked without `include_secrets`."""
    secrets = call.flag("include_secrets")
    return Reply(await call.store.read(_read, call.path["id"], _vault(call), secrets))


def _read(conn: Any, document_id: str, vault: Opener, secrets: bool) -> BlockDocument:
    return shown(conn, _found(block_documents.get(conn, document_id)), vault, secrets)


async def read_by_name(call: Call) -> Reply:
    """Read a block document by its type's slug and its name."""
    names = call.path["slug"], call.path["block_document_name"]
    return Reply(await call.store.read(_read_by_name, *names, _vault(call), call.flag("include_secrets")))


def _read_by_name(conn: Any, slug: str, name: str, vault: Opener, secrets: bool) -> BlockDocument:
    return shown(conn, _found(block_documents.by_name(conn, slug, name)), vault, secrets)


async def of_type(call: Call) -> Reply:
    """List the named block documents of a type."""
    return Reply(
        await call.store.read(_of_type, call.path["slug"], _vault(call), call.flag("include_secrets"))
    )


def _of_type(conn: Any, slug: str, vault: Opener, secrets: bool) -> list[BlockDocument]:
    kinds = BlockTypeFilter(slug=TextCriterion(any_=[slug]))
    rows = block_documents.filter(conn, NAMED, kinds, None, "NAME_ASC", 200, 0)
    return [shown(conn, document, vault, secrets) for document in rows]


async def filter(call: Call) -> Reply:
    """List block documents; anonymous ones only when asked for."""
    return Reply(await call.store.read(_filter, call.body, *window(call), _vault(call)))


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
    if call.body.data is not UNSET:
        _check_data(call.body.data)
    await call.store.write(_update, call.path["id"], call.body, _vault(call), call.now)
    return Reply(status=204)


def _update(conn: Any, document_id: str, body: BlockDocumentUpdate, vault: Opener, now: datetime) -> None:
    document = _found(block_documents.get(conn, document_id))
    schema_id = document.block_schema_id if body.block_schema_id is UNSET else body.block_schema_id
    paths = _secret_paths(conn, schema_id)
    data = document.data
    if body.data is not UNSET:
        new = _changed(unraw(document.data), unraw(body.data), paths, merge=body.merge_existing_data)
        data = raw(secret_fields.seal(new, paths, vault()) if paths else new)
    block_documents.update(conn, document_id, schema_id, data, now)


def _changed(old: Any, new: Any, paths: list[list[str]], *, merge: bool) -> Any:
    kept = secret_fields.keep_masked(new, old, secret_fields.masked(old, paths))
    return {**old, **kept} if merge else kept


async def delete(call: Call) -> Reply:
    """Delete a block document."""
    await call.store.write(block_documents.delete, call.path["id"])
    return Reply(status=204)


def _named_unless_asked(filter: BlockDocumentFilter | None) -> BlockDocumentFilter:
    if filter is None:
        return NAMED
    return (
        filter
        if filter.is_anonymous is not None
        else structs.replace(filter, is_anonymous=NAMED.is_anonymous)
    )


def _secret_paths(conn: Any, schema_id: str) -> list[list[str]]:
    schema = block_schemas.get(conn, schema_id)
    if schema is None:
        raise Conflict("There is no block schema with that id.")
    return secret_fields.secret_paths(unraw(schema.fields))


def _check_data(data: Any) -> None:
    if not isinstance(unraw(data), dict) or secret_fields.SEALED.encode() in bytes(data):
        raise Invalid(
            f"The data of a block document is a JSON object without the key {secret_fields.SEALED}."
        )


def _vault(call: Call) -> Opener:
    """Opens the vault when a secret is met, once for the app."""
    state, settings = call.app.state, call.settings

    def opener() -> Vault:
        if not hasattr(state, "vault"):
            state.vault = open_vault(settings)
        vault: Vault = state.vault
        return vault

    return opener


def _found(document: BlockDocument | None) -> BlockDocument:
    if document is None:
        raise NotFound("Block document not found")
    return document
