"""The form of a block: a new one, or what of a saved one can be changed."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.errors import Conflict, Invalid
from orion.model.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate, BlockSchema
from orion.model.times import iso
from orion.model.wire import raw, unraw
from orion.store import block_console, block_documents, block_schemas
from orion.store.base import Conn
from orion.store.shown_blocks import Opener, own_data
from orion.web.call import Call, Reply
from orion.web.handlers import block_documents as api
from orion.web.handlers.block_types import install
from orion.web.pages.block_form import BlockForm, whole
from orion.web.pages.block_kinds import newest_of, schema_of
from orion.web.pages.form_rows import edited
from orion.web.pages.run_form import differing, keep_typed
from orion.web.pages.shared import found, gather, see


async def new(call: Call) -> Reply:
    """Show the form of a new block."""
    see(call)
    await install(call)
    return Reply(await gather(call, _new, call.path["slug"], "", None, {}), "blocks/form.html#form")


async def create(call: Call) -> Reply:
    """Save a new block; a form with faults comes back with all of them."""
    see(call)
    await install(call)
    schema: BlockSchema = await gather(call, newest_of, call.path["slug"])
    form, sent = BlockForm(unraw(schema.fields), {}, {}), edited(call.form)
    values, errors = form.read(sent)
    name = str(call.form.get("name", "")).strip()
    if _is_asked(call):
        data = await gather(call, _new, call.path["slug"], name, values, _typed_faults(errors, sent))
        return _redrawn(form, data, sent)
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
    form, sent = BlockForm(unraw(schema.fields), shown, {}), edited(call.form)
    values, errors = form.read(sent)
    newest = schema.id != document.block_schema_id
    if _is_asked(call):
        faults = _typed_faults(errors, sent)
        data = await gather(call, _edit, document.id, vault, newest, values, faults)
        return _redrawn(form, {**data, "now": now, "seen": str(call.form.get("seen", ""))}, sent)
    if call.form.get("seen") != iso(document.updated):
        errors["name"] = "Somebody changed this block meanwhile: look at what it holds now, and save again."
    if not errors:
        call.body = BlockDocumentUpdate(
            block_schema_id=schema.id, data=raw(whole(form, values)), merge_existing_data=False
        )
        await api.update(call)
        return Reply(None, location=f"blocks/{document.id}")
    data = await gather(call, _edit, document.id, vault, newest, values, errors)
    return _again(call, form, {**data, "now": now}, errors)


def _is_asked(call: Call) -> bool:
    """Whether a small button was pressed: the form is drawn with its change, and nothing is saved."""
    return any(call.form.get(name) for name in ("add", "drop", "preview"))


def _typed_faults(errors: dict[str, str], sent: FormData) -> dict[str, str]:
    """While somebody still types, an empty field is no fault yet."""
    return {path: fault for path, fault in errors.items() if str(sent.get(path, ""))}


def _redrawn(form: BlockForm, data: dict[str, Any], sent: FormData) -> Reply:
    keep_typed(data["fields"], sent)
    form.take_back(data["fields"], sent)
    data["errors"] = {}
    return Reply(data, "blocks/form.html#form")


def _again(call: Call, form: BlockForm, data: dict[str, Any], errors: dict[str, str]) -> Reply:
    """The form once more, with what was typed but for secrets."""
    keep_typed(data["fields"], call.form)
    form.take_back(data["fields"], call.form)
    data["errors"] = errors
    return Reply(data, "blocks/form.html#form", status=422)


def _new(
    conn: Conn, slug: str, name: str, values: dict[str, Any] | None, errors: dict[str, str]
) -> dict[str, Any]:
    schema = newest_of(conn, slug)
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
    latest = schema_of(conn, found(document.block_type, "block type")) or own
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
