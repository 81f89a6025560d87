"""Artifacts: what runs leave for people to read, one by one and by key."""

from __future__ import annotations

from typing import Any, TypeVar

from orion.errors import NotFound
from orion.model.artifacts import Artifact
from orion.store import artifacts
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.paging import window

T = TypeVar("T")


async def create(call: Call) -> Reply:
    """Create an artifact; one with a key becomes the newest of its key."""
    return Reply(await call.store.write(artifacts.create, call.body, call.now), status=201)


async def read(call: Call) -> Reply:
    """Read an artifact."""
    return Reply(found(await call.store.glance(artifacts.get, call.path["id"])))


async def read_latest(call: Call) -> Reply:
    """Read the newest artifact of a key; `id` and `created` are those of the key."""
    return Reply(found(await call.store.glance(_latest, call.path["key"])))


def _latest(conn: Conn, key: str) -> Artifact | None:
    row = artifacts.latest(conn, key)
    if row is None:
        return None
    fields = {name: getattr(row, name) for name in Artifact.__struct_fields__}
    return Artifact(**fields)


async def filter(call: Call) -> Reply:
    """List artifacts, newest first unless sorted otherwise."""
    body = call.body
    return Reply(await call.store.read(artifacts.filter, body.artifacts, body, body.sort, *window(call)))


async def count(call: Call) -> Reply:
    """Count artifacts."""
    return Reply(await call.store.read(artifacts.count, call.body.artifacts, call.body))


async def filter_latest(call: Call) -> Reply:
    """List keys, each with its newest artifact."""
    body = call.body
    return Reply(await call.store.read(artifacts.newest, body.artifacts, body, body.sort, *window(call)))


async def count_latest(call: Call) -> Reply:
    """Count keys."""
    return Reply(await call.store.read(artifacts.count_newest, call.body.artifacts, call.body))


async def update(call: Call) -> Reply:
    """Change the fields of an artifact that are sent."""
    await call.store.write(artifacts.update, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete an artifact; the one before it becomes the newest of its key."""
    gone: Any = await call.store.glance(artifacts.get, call.path["id"])
    await call.store.write(artifacts.delete, call.path["id"])
    return Reply(status=204, location=f"artifacts/key/{gone.key}" if gone and gone.key else "artifacts")


def found(artifact: T | None) -> T:
    """The artifact, or 404."""
    if artifact is None:
        raise NotFound("Artifact not found")
    return artifact
