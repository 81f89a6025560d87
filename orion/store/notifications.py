"""The outbox of notifications: claimed by a sender for a while, then marked. Nothing is sent in here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from orion.errors import Conflict, NotFound
from orion.model.notifications import Delivery, DeliveryQuery, DeliveryStatus
from orion.notify import CHANNELS
from orion.store import paging, sql
from orion.store.base import Conn, Row
from orion.store.filters import Where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text

Q = sql.load("notifications")
TOLD = (
    "flow_id", "flow_name", "flow_run_name", "state_type", "state_name", "state_timestamp", "block_document_id",
    "block_type_slug", "block_name",
)  # fmt: skip
OUTBOX = Rows(Delivery, "notification_outbox", leave_out=(*TOLD, "status", "key"))
LISTING = Listing(
    "notification_outbox",
    f"{OUTBOX.columns}, r.flow_id, f.name, r.name, s.type, s.name, s.timestamp, p.block_document_id, t.slug, b.name",
    "JOIN flow_run_notification_policy p ON p.id = notification_outbox.policy_id "
    "JOIN flow_run r ON r.id = notification_outbox.flow_run_id JOIN flow f ON f.id = r.flow_id "
    "JOIN flow_run_state s ON s.id = notification_outbox.flow_run_state_id "
    "LEFT JOIN block_document b ON b.id = p.block_document_id LEFT JOIN block_type t ON t.id = b.block_type_id",
    {"CREATED_DESC": Sort("notification_outbox.created", descending=True)},
)
OF_STATUS = {
    "waiting": "delivered IS NULL AND dead IS NULL",
    "delivered": "delivered IS NOT NULL",
    "dead": "dead IS NOT NULL",
}


class Claimed(NamedTuple):
    """A message that this sender has, and which try this is."""

    id: str
    attempts: int


class Parcel(NamedTuple):
    """What a message says, and through which block."""

    policy_id: str
    block_document_id: str
    template: str | None
    state_id: str
    flow_id: str
    flow_name: str
    run_id: str
    run_name: str
    parameters: str
    state_type: str
    state_name: str
    state_timestamp: datetime
    state_message: str | None


class Fared(NamedTuple):
    """How the messages of a policy have fared; `sent` counts since a moment."""

    sent: int
    dead: int
    last: datetime | None


class Totals(NamedTuple):
    """Messages by what became of them; `sent` counts since a moment."""

    sent: int
    dead: int
    waiting: int


def claim(conn: Conn, now: datetime, until: datetime, n: int) -> list[Claimed]:
    """Take up to `n` messages that are due; nobody else gets them before `until`."""
    values = {"now": conn.time(now), "until": conn.time(until), "n": n}
    return [Claimed(*row) for row in conn.all(Q.claim, values)]


def next_due(conn: Conn) -> datetime | None:
    """When the next message is to be tried."""
    row = conn.one(Q.next_due)
    return conn.when(row[0]) if row else None


def parcel(conn: Conn, id: str) -> Parcel | None:
    """What a message says; None when its run, its state or its policy is gone."""
    row = conn.one(Q.parcel, {"id": id})
    if row is None:
        return None
    when = conn.when(row[11])
    assert when is not None
    return Parcel(*(*row[:11], when, row[12]))


def forget(conn: Conn, id: str) -> None:
    """There is nothing to tell any more: the run is gone."""
    _marked(conn, conn.run(Q.forget, {"id": id}))


def delivered(conn: Conn, id: str, now: datetime, answer: str) -> None:
    """The receiver has taken a message."""
    _marked(conn, conn.run(Q.delivered, {"id": id, "now": conn.time(now), "answer": answer}))


def retry(conn: Conn, claimed: Claimed, at: datetime, error: str) -> None:
    """A try failed; the next one is at `at`."""
    _marked(conn, conn.run(Q.retry, {**claimed._asdict(), "at": conn.time(at), "error": error}))


def give_up(conn: Conn, claimed: Claimed, now: datetime, error: str) -> None:
    """A message is dead until somebody sends it again."""
    _marked(conn, conn.run(Q.give_up, {**claimed._asdict(), "now": conn.time(now), "error": error}))


def send_again(conn: Conn, id: str, now: datetime) -> None:
    """Have a message sent now that was given up or waits, under the same key, with all its tries anew."""
    if conn.run(Q.send_again, {"id": id, "now": conn.time(now)}):
        return _marked(conn, 1)
    if conn.one(Q.exists, {"id": id}) is None:
        raise NotFound("Notification not found")
    raise Conflict("The message has been delivered, or is being sent right now.")


def filter(conn: Conn, query: DeliveryQuery, limit: int, offset: int = 0) -> list[Delivery]:
    """The messages of a policy (or all) in a status (or all), newest first."""
    terms = [OF_STATUS[query.status]] if query.status else []
    terms += ["policy_id = :policy_id"] if query.policy_id else []
    wanted = Where(" AND ".join(terms) or "TRUE", {"policy_id": query.policy_id} if query.policy_id else {})
    return [_read(conn, row) for row in paging.rows(conn, LISTING, wanted, None, limit, offset)]


def fared(conn: Conn, since: datetime) -> dict[str, Fared]:
    """How the messages of each policy have fared."""
    rows = conn.all(Q.recent, {"since": conn.time(since)})
    return {id: Fared(int(sent or 0), int(dead or 0), conn.when(last)) for id, sent, dead, last in rows}


def totals(conn: Conn, since: datetime) -> Totals:
    """How all messages have fared."""
    row = conn.one(Q.totals, {"since": conn.time(since)}) or (0, 0, 0)
    return Totals(*(int(number or 0) for number in row))


def blocks(conn: Conn, ids: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """The (id, type / name) of blocks: those that are asked for, else all that can send messages."""
    if ids is None:
        rows = conn.all(Q.blocks, {"slugs": json_text(list(CHANNELS))})
    else:
        rows = conn.all(Q.named_blocks, {"ids": json_text(sorted(set(ids)))})
    return [(id, f"{slug} / {name}") for id, slug, name in rows]


def _read(conn: Conn, row: Row) -> Delivery:
    extra: dict[str, Any] = dict(zip(TOLD, row[OUTBOX.width :], strict=True))
    extra["state_timestamp"] = conn.when(extra["state_timestamp"])
    found = OUTBOX.read(conn, row, **extra)
    status: DeliveryStatus = "delivered" if found.delivered else "dead" if found.dead else "waiting"
    found.status, found.key = status, key_of(found.policy_id, found.flow_run_state_id)
    return found


def key_of(policy_id: str, state_id: str) -> str:
    """What a message is known by to its receiver: the same for every try (I8)."""
    return f"{policy_id}/{state_id}"


def _marked(conn: Conn, rows: int) -> None:
    if rows:
        conn.publish("notifications")
