"""Events that clients report, kept once by their id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orion.errors import Invalid
from orion.model.ids import is_id
from orion.model.times import as_utc
from orion.model.wire import decode, encode, unraw
from orion.store import sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("events")


def keep(conn: Conn, event: Mapping[str, Any], now: datetime) -> bool:
    """Keep an event; False when it is there already."""
    resource, follows = event.get("resource"), event.get("follows")
    subject = resource.get("prefect.resource.id") if isinstance(resource, Mapping) else None
    if not isinstance(subject, str) or not is_id(str(event.get("id"))):
        raise Invalid("An event needs an id that is a UUID, and a resource with a prefect.resource.id.")
    values = {
        "id": event["id"],
        "occurred": conn.time(as_utc(decode(encode(event.get("occurred")), datetime))),
        "received": conn.time(now),
        "event": str(event.get("event")),
        "resource_id": subject,
        "follows": follows if isinstance(follows, str) else None,
        "resource": json_text(resource),
        "related": json_text(event.get("related") or []),
        "payload": json_text(event.get("payload") or {}),
    }
    return conn.run(Q.insert, values) > 0


def of_resource(conn: Conn, resource_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest events of a resource, newest first."""
    rows = conn.all(Q.of_resource, {"resource_id": resource_id, "limit": limit})
    return [
        {
            "id": id,
            "occurred": conn.when(occurred),
            "received": conn.when(received),
            "event": event,
            "follows": follows,
            "resource": unraw(resource.encode()),
            "related": unraw(related.encode()),
            "payload": unraw(payload.encode()),
        }
        for id, occurred, received, event, follows, resource, related, payload in rows
    ]
