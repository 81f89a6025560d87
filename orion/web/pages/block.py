"""The page of a block: what it holds but for its secrets, where it is used, and who will miss it when it is deleted."""

from __future__ import annotations

from typing import Any

from orion.errors import Invalid, OrionError
from orion.model.blocks import BlockDocument, BlockSchema, BlockType
from orion.model.wire import unraw
from orion.notify import CHANNELS
from orion.store import block_console, block_documents
from orion.store.base import Conn
from orion.store.shown_blocks import Opener, own_data
from orion.vault import MASK, WrongKey
from orion.web.call import Call, Reply
from orion.web.display import json_block
from orion.web.handlers import block_documents as api
from orion.web.handlers import notification_policies
from orion.web.pages.block_kinds import icon_of, schema_of
from orion.web.pages.controls import plain
from orion.web.pages.shared import found, gather, see


async def show(call: Call) -> Reply:
    """Show a block, its secrets masked, and where it is used."""
    return await _show(call)


async def test(call: Call) -> Reply:
    """Send a test message through a block that can send messages, and say what came of it."""
    document = found(await call.store.read(block_documents.get, call.path["id"]), "block")
    if not _sends(document):
        raise Invalid(
            "Only blocks that send messages can be tested here: the server runs no code of other blocks."
        )
    try:
        outcome = await notification_policies.outcome_of_test(call, document.id)
        tested = {"delivered": outcome.delivered, "said": outcome.said}
    except OrionError as error:
        tested = {"delivered": False, "said": error.message}
    return await _show(call, tested)


async def ask_delete(call: Call) -> Reply:
    """Ask before a block is deleted, and name what will miss it."""
    see(call)
    data = await gather(call, _use, call.path["id"])
    return Reply(data, "blocks/delete.html")


async def _show(call: Call, tested: dict[str, Any] | None = None) -> Reply:
    now = see(call)
    data = await gather(call, _one, call.path["id"], api.vault_of(call))
    address = f"blocks/{call.path['id']}"
    return Reply({**data, "tested": tested, "now": now, "here": address}, "blocks/show.html#page")


def _one(conn: Conn, id: str, vault: Opener) -> dict[str, Any]:
    document: BlockDocument = found(block_documents.get(conn, id), "block")
    type, schema = found(document.block_type, "type"), found(document.block_schema, "schema")
    try:
        data, broken = own_data(document, vault, secrets=False), ""
    except WrongKey as error:
        data, broken = {}, error.message
    links = {child: place for place, child in block_console.links(conn, id)}
    latest = schema_of(conn, type) or schema
    return {
        **_use(conn, id),
        "type": type,
        "schema": schema,
        "icon": icon_of(document),
        "values": [(name, _value(conn, value, links)) for name, value in data.items()],
        "json": json_block(data),
        "broken": broken,
        "sends": _sends(document) and not broken,
        "has_newer": latest.id != schema.id,
        "snippet": snippet(type, schema, document.name or ""),
        "reference": f"{{{{ orion.blocks.{type.slug}.{document.name} }}}}",
    }


def _value(conn: Conn, value: Any, links: dict[str, str]) -> dict[str, str]:
    match value:
        case {"$ref": {"block_document_id": str(id)}}:
            inner = block_documents.get(conn, id)
            if inner is None:
                return {"kind": "gone", "text": id}
            slug = inner.block_type.slug if inner.block_type else ""
            return {"kind": "block", "text": f"{slug}/{inner.name}", "href": f"blocks/{id}"}
        case str() if value == MASK:
            return {"kind": "secret", "text": MASK}
        case _:
            return {"kind": "plain", "text": plain(value)}


def _use(conn: Conn, id: str) -> dict[str, Any]:
    document: BlockDocument = found(block_documents.get(conn, id), "block")
    type = found(document.block_type, "type")
    named = block_console.named_by(conn, f"orion.blocks.{type.slug}.{document.name}")
    return {"document": document, "type": type, "uses": [*block_console.uses(conn, [id]), *named]}


def snippet(type: BlockType, schema: BlockSchema, name: str) -> str:
    """How code gets the block."""
    fields = unraw(schema.fields)
    title = str(fields.get("title", "")) if isinstance(fields, dict) else ""
    if type.is_protected and title.isidentifier():
        return f'from orion.blocks import {title}\n\nblock = {title}.load("{name}")'
    return f'from orion import Block\n\nblock = Block.load("{type.slug}/{name}")'


def _sends(document: BlockDocument) -> bool:
    return document.block_type is not None and document.block_type.slug in CHANNELS
