"""Notification policies: which states of which runs are told to whom."""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from orion.errors import Conflict, NotFound
from orion.model.ids import new_id
from orion.model.notifications import (
    FlowRunNotificationPolicy,
    FlowRunNotificationPolicyCreate,
    FlowRunNotificationPolicyFilter,
    FlowRunNotificationPolicyUpdate,
)
from orion.store import block_documents, changes, paging
from orion.store.base import Conn
from orion.store.filters import Where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

TABLE = "flow_run_notification_policy"
POLICY = Rows(FlowRunNotificationPolicy, TABLE)
LISTING = Listing(TABLE, POLICY.columns, "", {"CREATED_ASC": Sort(f"{TABLE}.created")})
GET = f"SELECT {POLICY.columns} FROM {TABLE} WHERE id = :id"


def create(conn: Conn, wanted: FlowRunNotificationPolicyCreate, now: datetime) -> FlowRunNotificationPolicy:
    """Make a policy; a block that is not there is refused."""
    _check_block(conn, wanted.block_document_id)
    policy = FlowRunNotificationPolicy(id=new_id(), created=now, updated=now, **structs.asdict(wanted))
    conn.run(POLICY.insert, POLICY.values(conn, policy))
    conn.publish("notifications")
    return policy


def get(conn: Conn, id: str) -> FlowRunNotificationPolicy | None:
    row = conn.one(GET, {"id": id})
    return POLICY.read(conn, row) if row else None


def filter(
    conn: Conn, criteria: FlowRunNotificationPolicyFilter | None, limit: int, offset: int = 0
) -> list[FlowRunNotificationPolicy]:
    """The policies that meet the filter, oldest first."""
    active = criteria.is_active.eq_ if criteria and criteria.is_active else None
    wanted = Where("TRUE", {}) if active is None else Where("is_active = :active", {"active": active})
    return POLICY.read_all(conn, paging.rows(conn, LISTING, wanted, None, limit, offset))


def update(conn: Conn, id: str, wanted: FlowRunNotificationPolicyUpdate, now: datetime) -> None:
    """Change what is given."""
    given = changes.given(wanted)
    if "block_document_id" in given:
        _check_block(conn, given["block_document_id"])
    if not changes.apply(conn, TABLE, id, given, now):
        raise NotFound("Notification policy not found")
    conn.publish("notifications")


def delete(conn: Conn, id: str) -> None:
    """Delete a policy with the messages of it."""
    if not conn.run(f"DELETE FROM {TABLE} WHERE id = :id", {"id": id}):
        raise NotFound("Notification policy not found")
    conn.publish("notifications")


def _check_block(conn: Conn, id: str) -> None:
    if block_documents.get(conn, id) is None:
        raise Conflict("There is no block document with that id.")
