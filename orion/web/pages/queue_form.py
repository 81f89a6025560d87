"""The form of a work queue: a new one, or the name, limit, priority and description of one that is there."""

from __future__ import annotations

from typing import Any

import msgspec

from orion.errors import Conflict, Invalid
from orion.model.work_queues import WorkQueue, WorkQueueCreate, WorkQueueUpdate
from orion.store import work_queues
from orion.web.call import Call, Reply
from orion.web.pages.shared import back, found, see

FIELDS = ("name", "limit", "priority", "description")


async def new(call: Call) -> Reply:
    """Show the form of a new work queue."""
    see(call)
    return Reply(_shown({**_blank(), "name": call.query.get("name", "")}), "work_queues/form.html#form")


async def create(call: Call) -> Reply:
    """Make a work queue."""
    see(call)
    said = _said(call)
    try:
        made = await call.store.write(work_queues.create, _wanted(said, WorkQueueCreate), call.now)
    except (Conflict, Invalid, msgspec.ValidationError) as error:
        return _again(said, error)
    return Reply(made, status=201, location=back(call, f"queues/{made.id}"))


async def edit(call: Call) -> Reply:
    """Show the form of a work queue that is there."""
    see(call)
    queue: WorkQueue = found(await call.store.read(work_queues.get, call.path["id"]), "work queue")
    limit = "" if queue.concurrency_limit is None else str(queue.concurrency_limit)
    values = {
        "name": queue.name,
        "limit": limit,
        "priority": str(queue.priority),
        "description": queue.description or "",
    }
    return Reply(_shown(values, queue.id), "work_queues/form.html#form")


async def save(call: Call) -> Reply:
    """Change a work queue; its runs and deployments follow a new name."""
    see(call)
    said, id = _said(call), call.path["id"]
    try:
        await call.store.write(work_queues.update, id, _wanted(said, WorkQueueUpdate), call.now)
    except (Conflict, Invalid, msgspec.ValidationError) as error:
        return _again(said, error, id)
    return Reply(None, location=f"queues/{id}")


def _blank() -> dict[str, str]:
    return dict.fromkeys(FIELDS, "")


def _said(call: Call) -> dict[str, str]:
    return {name: str(call.form.get(name, "")).strip() for name in FIELDS}


def _wanted(said: dict[str, str], kind: type[Any]) -> Any:
    """The form as the API's body; an empty limit is none, an empty priority is left as it is."""
    body: dict[str, Any] = {"name": said["name"], "description": said["description"]}
    body["concurrency_limit"] = said["limit"] or None
    if said["priority"]:
        body["priority"] = said["priority"]
    return msgspec.convert(body, kind, strict=False)


def _shown(values: dict[str, str], id: str = "", error: str = "") -> dict[str, str]:
    return {**values, "id": id, "error": error}


def _again(said: dict[str, str], error: Exception, id: str = "") -> Reply:
    words = getattr(error, "message", None) or f"{error}."
    return Reply(_shown(said, id, words), "work_queues/form.html#form", status=422)
