"""Block types: the kinds of blocks that clients have registered."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, structs

from orion.errors import Forbidden, NotFound
from orion.model import catalog
from orion.model.blocks import BlockType, BlockTypeUpdate
from orion.store import block_types
from orion.store import catalog as built_in
from orion.web.call import Call, Reply
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Create a block type; a name or slug that is taken gives 409."""
    return Reply(await call.store.write(block_types.create, call.body, call.now), status=201)


async def read(call: Call) -> Reply:
    """Read a block type."""
    return Reply(found(await call.store.glance(block_types.get, call.path["id"])))


async def read_by_slug(call: Call) -> Reply:
    """Read a block type by its slug."""
    if call.path["slug"] in catalog.slugs():
        await install(call)
    return Reply(found(await call.store.glance(block_types.by_slug, call.path["slug"])))


async def update(call: Call) -> Reply:
    """Change the fields of a block type that are sent; a protected type is refused (403).

    Other clients describe a type in words of their own whenever they save or load a block of it, the built-in ones too,
    and give up their run when that is refused. They are known by their name and by sending all four words at once, as
    nobody does who wants to change one: to them alone it is said that all is well, and nothing is changed.
    """
    foreign = call.headers.get("user-agent", "").startswith("prefect/") and UNSET not in structs.astuple(
        call.body
    )
    await call.store.write(_update, call.path["id"], call.body, foreign, call.now)
    return Reply(status=204)


def _update(conn: Any, type_id: str, body: BlockTypeUpdate, registers: bool, now: Any) -> None:
    kind = found(block_types.get(conn, type_id))
    if kind.is_protected and registers:
        return
    _refuse_protected(kind)
    block_types.update(conn, type_id, body, now)


async def delete(call: Call) -> Reply:
    """Delete a block type with its schemas and documents."""
    await call.store.write(_delete, call.path["id"])
    return Reply(status=204)


def _delete(conn: Any, type_id: str) -> None:
    _refuse_protected(found(block_types.get(conn, type_id)))
    block_types.delete(conn, type_id)


async def filter(call: Call) -> Reply:
    """List block types by name."""
    await install(call)
    body = call.body
    return Reply(
        await call.store.read(block_types.filter, body.block_types, body.block_schemas, *window(call))
    )


async def install_system_block_types(call: Call) -> Reply:
    """Make the built-in block types; they are made anyway when they are first asked for."""
    await install(call)
    return Reply(None)


async def install(call: Call) -> None:
    """Make the built-in types, once an app."""
    if not getattr(call.app.state, "has_built_in_blocks", False):
        await call.store.write(built_in.install, catalog.entries(), call.now)
        call.app.state.has_built_in_blocks = True


def _refuse_protected(kind: BlockType) -> None:
    if kind.is_protected:
        raise Forbidden("protected block types cannot be changed.")


def found(kind: BlockType | None) -> BlockType:
    """The block type, or 404."""
    if kind is None:
        raise NotFound("Block type not found")
    return kind
