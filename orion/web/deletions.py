"""What a link to something deleted is told: what it was called and when it went, as far as that is known."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from orion.errors import OrionError
from orion.store import deleted
from orion.web.call import Call

TABLES = {
    "/flows/{id}/delete": "flow",
    "/runs/{id}/delete": "flow_run",
    "/task-runs/{id}/delete": "task_run",
    "/deployments/{id}/delete": "deployment",
    "/queues/{id}/delete": "work_queue",
    "/blocks/{id}/delete": "block_document",
    "/variables/{id}/delete": "variable",
    "/api/flows/{id}": "flow",
    "/api/flow_runs/{id}": "flow_run",
    "/api/task_runs/{id}": "task_run",
    "/api/deployments/{id}": "deployment",
    "/api/work_queues/{id}": "work_queue",
    "/api/block_documents/{id}": "block_document",
    "/api/variables/{id}": "variable",
}
PLACES = {"runs": "flow runs", "flows": "flows", "deployments": "deployments", "queues": "work queues",
          "blocks": "blocks", "variables": "variables", "artifacts": "artifacts"}  # fmt: skip
_id = re.compile(r"/([0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})(?=/|$)")


async def noted(call: Call) -> None:
    """Before something is deleted: write down its name."""
    table = TABLES.get(call.pattern)
    if table and call.scope["method"] == ("DELETE" if call.is_api else "POST"):
        await call.store.write(deleted.note, table, call.path["id"], call.now)


async def told(call: Call) -> dict[str, Any]:
    """For the page that finds nothing: what was deleted, when its id was made, and the list that it was in."""
    found = _id.search(call.address.lower())
    gone = None
    if found:
        with suppress(OrionError):  # the page does without it
            gone = await call.store.read(deleted.find, found[1])
    place = call.address.split("/")[1] if "/" in call.address else ""
    return {
        "gone": gone,
        "made": made(found[1], call.now) if found and found[2] == "7" else None,
        "place": (place, PLACES[place]) if place in PLACES and place not in ("runs", "deployments") else None,
    }


def made(id: str, now: datetime) -> datetime | None:
    """When an id was made, which its first digits tell; None when that cannot be."""
    moment = datetime.fromtimestamp(int(id.replace("-", "")[:12], 16) / 1000, UTC)
    return moment if moment <= now else None
