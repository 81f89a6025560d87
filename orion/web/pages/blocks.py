"""Blocks: the documents by type with their use, and the catalogue of the types that can be made."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from orion.model.blocks import BlockDocument, BlockType
from orion.model.wire import unraw
from orion.store import block_console, block_schemas, block_types
from orion.store.base import Conn
from orion.store.shown_blocks import Opener, own_data
from orion.vault import MASK, WrongKey
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.handlers import block_documents as api
from orion.web.handlers.block_types import install
from orion.web.pages.block_form import BlockForm
from orion.web.pages.block_kinds import GROUPS, icon, icon_of, schema_of
from orion.web.pages.controls import plain
from orion.web.pages.shared import PAGE, address, found, gather, here, see, stretch


class Row(Struct):
    """A document in the list: what it holds and where it is used, in words."""

    document: BlockDocument
    icon: str
    note: str
    used: str


class Group(Struct):
    """The documents of one type on this page, and how many there are in all."""

    title: str
    total: int
    rows: list[Row]


class Kind(Struct):
    """A type in the catalogue."""

    type: BlockType
    icon: str
    capabilities: list[str]
    documents: int


async def listing(call: Call) -> Reply:
    """List the documents by type."""
    see(call)
    await install(call)
    q, can = call.query.get("q", "").strip()[:200], call.query.get("can", "")[:100]
    number = call.query.get("page", "1")
    at = min(int(number), 10_000_000) if number.isascii() and number.isdigit() and len(number) < 10 else 1
    data = await gather(call, _list, q, can, max(at, 1), api.vault_of(call))
    return Reply({**data, "here": here(call)}, "blocks/list.html#page")


async def catalog(call: Call) -> Reply:
    """List the types of blocks that can be made."""
    see(call)
    await install(call)
    can = call.query.get("can", "")
    data = await gather(call, _catalog, call.query.get("q", "").strip()[:200], can if can in GROUPS else "")
    return Reply({**data, "here": here(call)}, "blocks/catalog.html#page")


async def kind(call: Call) -> Reply:
    """Show a type: what it is for, its fields, an example, its documents."""
    see(call)
    await install(call)
    return Reply(await gather(call, _kind, call.path["slug"]), "blocks/type.html#page")


def _list(conn: Conn, q: str, can: str, number: int, vault: Opener) -> dict[str, Any]:
    documents = block_console.page(conn, q, can, PAGE, (number - 1) * PAGE)
    totals = block_console.totals(conn, q, can)
    total, used = sum(totals.values()), _used(conn, documents)
    groups: list[Group] = []
    for document in documents:
        type = found(document.block_type, "block type")
        if not groups or groups[-1].title != type.name:
            groups.append(Group(type.name, totals.get(type.id, 0), []))
        note = _note(document, vault)
        groups[-1].rows.append(Row(document, icon_of(document), note, used.get(document.id, "")))
    return {
        "groups": groups,
        "q": q,
        "can": can,
        "capabilities": [
            ("", "Any capability"),
            *((name, name) for name in block_schemas.capabilities(conn)),
        ],
        "documents": total,
        "types": block_types.count(conn),
        "shown": stretch((number - 1) * PAGE, len(documents), total, "block"),
        "newer": _address(q, can, number - 1) if number > 1 else None,
        "older": _address(q, can, number + 1) if number * PAGE < total else None,
        "kinds": _kinds(conn, "", "")[:12],
    }


def _address(q: str, can: str, number: int) -> str:
    return address("blocks", q=q, can=can, page=str(number) if number > 1 else "")


def _used(conn: Conn, documents: list[BlockDocument]) -> dict[str, str]:
    """In words, how often each is used by policies, deployments and other blocks."""
    counts: dict[str, dict[str, int]] = {}
    for use in block_console.uses(conn, (document.id for document in documents)):
        word = {"storage": "deployment", "infrastructure": "deployment"}.get(use.kind, use.kind)
        counts.setdefault(use.of, {}).setdefault(word, 0)
        counts[use.of][word] += 1
    many = {"policy": "policies"}
    return {
        id: ", ".join(plural(number, word, many.get(word)) for word, number in by.items())
        for id, by in counts.items()
    }


def _note(document: BlockDocument, vault: Opener) -> str:
    """What a document holds, in a few words that are no secret."""
    try:
        data = own_data(document, vault, secrets=False)
    except WrongKey:
        return "cannot be read: it was saved with another key"
    values = list(data.values()) if isinstance(data, dict) else []
    said = [
        plain(value)
        for value in values
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value not in ("", MASK)
    ]
    return " · ".join(text[:60] for text in said[:3]) or ("value set" if MASK in values else "")


def _catalog(conn: Conn, q: str, can: str) -> dict[str, Any]:
    return {
        "kinds": _kinds(conn, q, can),
        "q": q,
        "can": can,
        "documents": sum(block_console.totals(conn).values()),
        "types": block_types.count(conn),
    }


def _kinds(conn: Conn, q: str, can: str) -> list[Kind]:
    able, totals = block_console.capabilities(conn), block_console.totals(conn)
    types = block_types.filter(conn, None, None, 1000)
    rows = [Kind(each, icon(each.slug, able.get(each.id, [])), able.get(each.id, []), totals.get(each.id, 0))
            for each in types]  # fmt: skip
    wanted = set(GROUPS.get(can, ()))
    said = q.lower()
    return [
        row
        for row in rows
        if (not wanted or wanted & set(row.capabilities))
        and said in f"{row.type.name}\n{row.type.slug}\n{row.type.description or ''}".lower()
    ]


def _kind(conn: Conn, slug: str) -> dict[str, Any]:
    type = found(block_types.by_slug(conn, slug), "block type")
    schema = schema_of(conn, type)
    fields = unraw(schema.fields) if schema else {}
    form = BlockForm(fields, {}, {})
    return {
        "type": type,
        "icon": icon(slug, schema.capabilities if schema else []),
        "schema": schema,
        "fields": form.filled(form.defaults()),
        "rows": block_console.options(conn, [slug]).get(slug, [])[:50],
        "total": block_console.totals(conn).get(type.id, 0),
    }
