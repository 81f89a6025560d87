"""The form of a work queue, new or there: its name, limit, priority, and which runs it takes, with a live count."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orion.errors import Conflict, Invalid
from orion.model.work_queues import QueueFilter, WorkQueue, WorkQueueCreate, WorkQueueUpdate
from orion.store import console, work_queues
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.pages.shared import back, found, gather, see

FIELDS = ("name", "limit", "priority", "description", "takes", "tags")
MOST = 100
NOWHERE = "00000000-0000-4000-8000-000000000000"


async def new(call: Call) -> Reply:
    """Show the form of a new work queue."""
    see(call)
    return await _form(call, {**_blank(), "name": call.query.get("name", "")})


async def match(call: Call) -> Reply:
    """Say how many planned runs a queue of this form would serve."""
    see(call)
    return await _form(call, _said(call.query))


async def create(call: Call) -> Reply:
    """Make a work queue."""
    see(call)
    said = _said(call.form)
    try:
        made = await call.store.write(work_queues.create, _wanted(said, WorkQueueCreate), call.now)
    except (Conflict, Invalid, msgspec.ValidationError) as error:
        return await _form(call, said, "", error)
    return Reply(made, status=201, location=back(call, f"queues/{made.id}"))


async def edit(call: Call) -> Reply:
    """Show the form of a work queue that is there."""
    see(call)
    queue: WorkQueue = found(await call.store.read(work_queues.get, call.path["id"]), "work queue")
    limit = "" if queue.concurrency_limit is None else str(queue.concurrency_limit)
    values: dict[str, Any] = {
        "name": queue.name,
        "limit": limit,
        "priority": str(queue.priority),
        "description": queue.description or "",
    }
    by = queue.filter
    values["takes"] = "name" if by is None else "filter"
    values["tags"] = ", ".join(by.tags or ()) if by else ""
    values["deployments"] = list(by.deployment_ids or ()) if by else []
    return await _form(call, values, queue.id)


async def save(call: Call) -> Reply:
    """Change a work queue; its runs and deployments follow a new name."""
    see(call)
    said, id = _said(call.form), call.path["id"]
    try:
        await call.store.write(work_queues.update, id, _wanted(said, WorkQueueUpdate), call.now)
    except (Conflict, Invalid, msgspec.ValidationError) as error:
        return await _form(call, said, id, error)
    return Reply(None, location=f"queues/{id}")


def _blank() -> dict[str, Any]:
    return {**dict.fromkeys(FIELDS, ""), "takes": "name", "deployments": []}


def _said(call: Any) -> dict[str, Any]:
    """The form as it was typed, posted or in the address."""
    said: dict[str, Any] = {name: str(call.get(name, "")).strip() for name in FIELDS}
    said["deployments"] = [str(each) for each in call.getlist("deployments")][:MOST]
    return said


def _wanted(said: dict[str, Any], kind: type[Any]) -> Any:
    """The form as the API's body; an empty limit is none, an empty priority is left as it is."""
    body: dict[str, Any] = {"name": said["name"], "description": said["description"]}
    body["concurrency_limit"] = said["limit"] or None
    if said["priority"]:
        body["priority"] = said["priority"]
    body["filter"] = _filter(said)
    return msgspec.convert(body, kind, strict=False)


def _filter(said: dict[str, Any]) -> dict[str, Any] | None:
    if said["takes"] != "filter":
        return None
    tags = [tag for part in said["tags"].split(",") if (tag := part.strip())]
    return {"tags": tags, "deployment_ids": said["deployments"]}


async def _form(call: Call, values: dict[str, Any], id: str = "", error: Exception | None = None) -> Reply:
    words = "" if error is None else getattr(error, "message", None) or f"{error}."
    data = await gather(call, _shown, values, call.now)
    shown = {**values, **data, "id": id, "error": words}
    return Reply(shown, "work_queues/form.html#form", status=200 if error is None else 422)


def _shown(conn: Conn, values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The deployments to choose from, and how many planned runs the queue would serve."""
    by = _filter(values)
    queue = WorkQueue(
        id=NOWHERE, created=now, updated=now, name=values["name"],
        filter=None if by is None else QueueFilter(tags=by["tags"], deployment_ids=by["deployment_ids"]),
    )  # fmt: skip
    matched = work_queues.planned(conn, queue) if values["name"] or by else 0
    return {"choices": console.deployment_options(conn), "matched": matched}
