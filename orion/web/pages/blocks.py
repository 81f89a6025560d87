"""Blocks: documents by type with their use, the page of one, its form, and what goes with it when it is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from orion.errors import Conflict, Invalid, OrionError
from orion.model.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate, BlockSchema, BlockType
from orion.model.filters import BlockSchemaFilter, IdCriterion
from orion.model.times import iso
from orion.model.wire import raw, unraw
from orion.notify import CHANNELS
from orion.store import block_console, block_documents, block_schemas, block_types
from orion.store.base import Conn
from orion.store.shown_blocks import Opener, own_data
from orion.vault import MASK, WrongKey
from orion.web.call import Call, Reply
from orion.web.display import json_block, plural
from orion.web.handlers import block_documents as api
from orion.web.handlers import notification_policies
from orion.web.handlers.block_types import install
from orion.web.pages.block_form import BlockForm, whole
from orion.web.pages.controls import plain
from orion.web.pages.run_form import differing, keep_typed
from orion.web.pages.shared import PAGE, found, gather, here, see

GROUPS = {
    "store": ("read-path", "write-path", "get-directory", "put-directory"),
    "run": ("run-infrastructure",),
    "notify": ("notify",),
}
PLAIN = ("json", "string", "date-time")


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


async def new(call: Call) -> Reply:
    """Show the form of a new block."""
    see(call)
    await install(call)
    return Reply(await gather(call, _new, call.path["slug"], "", None, {}), "blocks/form.html#form")


async def create(call: Call) -> Reply:
    """Save a new block; a form with faults comes back with all of them."""
    see(call)
    await install(call)
    schema: BlockSchema = await gather(call, _newest, call.path["slug"])
    form = BlockForm(unraw(schema.fields), {}, {})
    values, errors = form.read(call.form)
    name = str(call.form.get("name", "")).strip()
    try:
        call.body = msgspec.convert(
            {"name": name or None, "block_schema_id": schema.id, "block_type_id": schema.block_type_id},
            BlockDocumentCreate,
        )
        call.body.data = raw(values)
        if not errors:
            made: BlockDocument = (await api.create(call)).data
            return Reply(made, status=201, location=f"blocks/{made.id}")
    except msgspec.ValidationError:
        errors["name"] = "A name has small letters, digits and dashes only, 255 at most."
    except Conflict:
        errors["name"] = f"There is a block {call.path['slug']}/{name} already."
    except Invalid as error:
        errors["name"] = error.message
    data = await gather(call, _new, call.path["slug"], name, values, errors)
    return _again(call, form, data, errors)


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


async def edit(call: Call) -> Reply:
    """Show a block in its form."""
    now = see(call)
    newest = call.query.get("schema") == "newest"
    data = await gather(call, _edit, call.path["id"], api.vault_of(call), newest, None, {})
    return Reply({**data, "now": now}, "blocks/form.html#form")


async def save(call: Call) -> Reply:
    """Save what the form of a block holds, unless somebody else has changed the block meanwhile."""
    now, vault = see(call), api.vault_of(call)
    document, schema, shown = await gather(
        call, _before, call.path["id"], vault, str(call.form.get("schema", ""))
    )
    form = BlockForm(unraw(schema.fields), shown, {})
    values, errors = form.read(call.form)
    if call.form.get("seen") != iso(document.updated):
        errors["name"] = "Somebody changed this block meanwhile: look at what it holds now, and save again."
    if not errors:
        call.body = BlockDocumentUpdate(
            block_schema_id=schema.id, data=raw(whole(form, values)), merge_existing_data=False
        )
        await api.update(call)
        return Reply(None, location=f"blocks/{document.id}")
    newest = schema.id != document.block_schema_id
    data = await gather(call, _edit, document.id, vault, newest, values, errors)
    return _again(call, form, {**data, "now": now}, errors)


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


def _again(call: Call, form: BlockForm, data: dict[str, Any], errors: dict[str, str]) -> Reply:
    """The form once more, with what was typed but for secrets."""
    keep_typed(data["fields"], call.form)
    form.take_back(data["fields"], call.form)
    data["errors"] = errors
    return Reply(data, "blocks/form.html#form", status=422)


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
        groups[-1].rows.append(Row(document, _icon_of(document), note, used.get(document.id, "")))
    return {
        "groups": groups,
        "q": q,
        "can": can,
        "capabilities": [
            ("", "Any capability"),
            *((name, name) for name in block_schemas.capabilities(conn)),
        ],
        "documents": total,
        "types": _count_types(conn),
        "shown": f"{(number - 1) * PAGE + 1:,}–{(number - 1) * PAGE + len(documents):,} of {total:,} blocks"
        if documents
        else f"0 of {total:,} blocks",
        "newer": _address(q, can, number - 1) if number > 1 else None,
        "older": _address(q, can, number + 1) if number * PAGE < total else None,
        "kinds": _kinds(conn, "", "")[:12],
    }


def _address(q: str, can: str, number: int) -> str:
    said = {"q": q, "can": can, "page": str(number) if number > 1 else ""}
    query = urlencode({name: value for name, value in said.items() if value})
    return f"blocks?{query}" if query else "blocks"


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
        "types": _count_types(conn),
    }


def _kinds(conn: Conn, q: str, can: str) -> list[Kind]:
    able, totals = block_console.capabilities(conn), block_console.totals(conn)
    types = block_types.filter(conn, None, None, 1000)
    rows = [Kind(each, _icon(each.slug, able.get(each.id, [])), able.get(each.id, []), totals.get(each.id, 0))
            for each in types]  # fmt: skip
    wanted = set(GROUPS.get(can, ()))
    said = q.lower()
    return [
        row
        for row in rows
        if (not wanted or wanted & set(row.capabilities))
        and said in f"{row.type.name}\n{row.type.slug}\n{row.type.description or ''}".lower()
    ]


def _count_types(conn: Conn) -> int:
    return block_types.count(conn)


def _kind(conn: Conn, slug: str) -> dict[str, Any]:
    type = found(block_types.by_slug(conn, slug), "block type")
    schema = _schema(conn, type)
    fields = unraw(schema.fields) if schema else {}
    form = BlockForm(fields, {}, {})
    return {
        "type": type,
        "icon": _icon(slug, schema.capabilities if schema else []),
        "schema": schema,
        "fields": form.filled(form.defaults()),
        "rows": block_console.options(conn, [slug]).get(slug, [])[:50],
        "total": block_console.totals(conn).get(type.id, 0),
    }


def _new(
    conn: Conn, slug: str, name: str, values: dict[str, Any] | None, errors: dict[str, str]
) -> dict[str, Any]:
    schema = _newest(conn, slug)
    form = _form(conn, schema, {})
    typed = {**form.defaults(), **(values or {})}
    return _shown(schema, form, typed, errors, None, name)


def _edit(
    conn: Conn,
    id: str,
    vault: Opener,
    newest: bool,
    values: dict[str, Any] | None,
    errors: dict[str, str],
) -> dict[str, Any]:
    document: BlockDocument = found(block_documents.get(conn, id), "block")
    shown = own_data(document, vault, secrets=False)
    own = found(document.block_schema, "block schema")
    latest = _schema(conn, found(document.block_type, "block type")) or own
    schema = latest if newest else own
    form = _form(conn, schema, shown)
    data = _shown(schema, form, shown if values is None else values, errors, document, document.name or "")
    return {**data, "has_newer": latest.id != schema.id}


def _shown(
    schema: BlockSchema,
    form: BlockForm,
    values: dict[str, Any],
    errors: dict[str, str],
    document: BlockDocument | None,
    name: str,
) -> dict[str, Any]:
    fields = form.filled(values, errors)
    return {
        "type": schema.block_type,
        "schema": schema,
        "document": document,
        "fields": fields,
        "changed": differing(fields),
        "name": name,
        "errors": errors,
        "seen": iso(document.updated) if document else "",
        "has_newer": False,
    }


def _form(conn: Conn, schema: BlockSchema, shown: dict[str, Any]) -> BlockForm:
    fields = unraw(schema.fields)
    slugs = BlockForm(fields, {}, {}).blocks()
    return BlockForm(fields, shown, block_console.options(conn, slugs) if slugs else {})


def _before(conn: Conn, id: str, vault: Opener, schema_id: str) -> tuple[BlockDocument, BlockSchema, Any]:
    """A document with the schema of its form: its own, or another one of its type."""
    document: BlockDocument = found(block_documents.get(conn, id), "block")
    chosen = block_schemas.get(conn, schema_id) if schema_id else None
    if chosen is None or chosen.block_type_id != document.block_type_id:
        chosen = found(document.block_schema, "block schema")
    return document, chosen, own_data(document, vault, secrets=False)


def _newest(conn: Conn, slug: str) -> BlockSchema:
    type = found(block_types.by_slug(conn, slug), "block type")
    schema: BlockSchema = found(_schema(conn, type), f"schema of {slug}")
    return schema


def _schema(conn: Conn, type: BlockType) -> BlockSchema | None:
    wanted = BlockSchemaFilter(block_type_id=IdCriterion(any_=[type.id]))
    rows = block_schemas.filter(conn, wanted, 1)
    return rows[0] if rows else None


def _one(conn: Conn, id: str, vault: Opener) -> dict[str, Any]:
    document: BlockDocument = found(block_documents.get(conn, id), "block")
    type, schema = found(document.block_type, "type"), found(document.block_schema, "schema")
    try:
        data, broken = own_data(document, vault, secrets=False), ""
    except WrongKey as error:
        data, broken = {}, error.message
    links = {child: place for place, child in block_console.links(conn, id)}
    latest = _schema(conn, type) or schema
    return {
        **_use(conn, id),
        "type": type,
        "schema": schema,
        "icon": _icon_of(document),
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


def _icon_of(document: BlockDocument) -> str:
    slug = document.block_type.slug if document.block_type else ""
    return _icon(slug, document.block_schema.capabilities if document.block_schema else [])


def _icon(slug: str, capabilities: Iterable[str]) -> str:
    able = set(capabilities)
    for icon, name in (("send", "notify"), ("cpu", "run"), ("box", "store")):
        if able & set(GROUPS[name]):
            return icon
    return "lock" if slug == "secret" else "braces" if slug in PLAIN else "blocks"
