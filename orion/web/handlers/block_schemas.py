"""Block schemas: the fields of a block type, unique by checksum and version."""

from __future__ import annotations

from typing import Any

import msgspec

from orion.errors import Invalid, NotFound
from orion.model.blocks import BlockSchema
from orion.model.checksums import checksum
from orion.store import block_schemas
from orion.web.call import Call, Reply
from orion.web.handlers.block_types import install
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Create a block schema, or find the one with the same checksum and version."""
    fields = bytes(call.body.fields)
    if not isinstance(msgspec.json.decode(fields), dict):
        raise Invalid("The fields of a block schema are a JSON object.")
    schema, created = await call.store.write(block_schemas.create, call.body, checksum(fields), call.now)
    return Reply(schema, status=201 if created else 200)


async def read(call: Call) -> Reply:
    """Read a block schema."""
    return Reply(_found(await call.store.glance(block_schemas.get, call.path["id"])))


async def read_by_checksum(call: Call) -> Reply:
    """Read a block schema by its checksum, of one version or the newest."""
    wanted: Any = call.path["checksum"], call.query.get("version")
    return Reply(_found(await call.store.glance(block_schemas.by_checksum, *wanted)))


async def filter(call: Call) -> Reply:
    """List block schemas."""
    await install(call)
    return Reply(await call.store.read(block_schemas.filter, call.body.block_schemas, *window(call)))


async def delete(call: Call) -> Reply:
    """Delete a block schema."""
    await call.store.write(block_schemas.delete, call.path["id"])
    return Reply(status=204)


async def capabilities(call: Call) -> Reply:
    """List the capabilities that block schemas have."""
    await install(call)
    return Reply(await call.store.read(block_schemas.capabilities))


def _found(schema: BlockSchema | None) -> BlockSchema:
    if schema is None:
        raise NotFound("Block schema not found")
    return schema
