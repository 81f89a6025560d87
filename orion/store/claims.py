"""Claims: due runs handed out to one asker each, and the leases of those who hold them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from orion.model import wire
from orion.model.flow_runs import FlowRunPolicy
from orion.model.ids import new_id
from orion.model.states import StateDetails
from orion.model.work_queues import WorkQueue
from orion.store import deployment_limits, sql, work_queues
from orion.store.base import Conn, Row
from orion.store.filters import Where

Q = sql.load("claims")
_details = wire.decoder(StateDetails).decode


class EndedLease(NamedTuple):
    """A run, the state it is in, until when it was leased, and when its holder was last heard of."""

    run_id: str
    state_id: str
    state_type: str
    until: datetime
    heard: datetime


def poll(conn: Conn, queue_id: str, asker: str | None, now: datetime) -> Row | None:
    """Whether the queue is paused, and its limit; the queue is locked, and marked as polled by `asker`."""
    row = conn.one(Q.poll, {"id": queue_id, "now": conn.time(now)})
    if row is not None and asker is not None:
        conn.run(Q.seen, {"id": new_id(), "now": conn.time(now), "name": asker, "queue_id": queue_id})
    return row


def due(
    conn: Conn, queue: WorkQueue, before: datetime, now: datetime, limit: int, rooms: deployment_limits.Rooms
) -> list[str]:
    """Ids of runs that can be handed out, earliest first."""
    condition = _with_room(work_queues.due(conn, queue, before), rooms)
    values = {**condition.params, "now": conn.time(now), "limit": limit}
    return list(deployment_limits.within(rooms, conn.all(_filled(Q.due, condition.text, queue), values)))


def _with_room(condition: Where, rooms: deployment_limits.Rooms) -> Where:
    """Without the runs of deployments that are full, so that those behind them get their turn."""
    full = deployment_limits.full(rooms)
    if not full:
        return condition
    text = f"{condition.text} AND flow_run.deployment_id NOT IN {{listed:full}}"
    return Where(text, {**condition.params, "full": _listed(full)})


def ready(conn: Conn, queue_id: str, before: datetime, now: datetime) -> bool:
    """Whether asking the queue may give a run; a look that writes nothing."""
    queue = work_queues.get(conn, queue_id)
    if queue is None or queue.is_paused:
        return False
    if queue.concurrency_limit is not None and used(conn, queue, now) >= queue.concurrency_limit:
        return False
    rooms = deployment_limits.rooms(conn, now)
    condition = _with_room(work_queues.due(conn, queue, before), rooms)
    values = {**condition.params, "now": conn.time(now)}
    if conn.one(_filled(Q.ready, condition.text, queue), values) is not None:
        return True
    return any(deployment_limits.too_many(conn, id, now)[0] for id in deployment_limits.making_way(rooms))


def used(conn: Conn, queue: WorkQueue, now: datetime) -> int:
    """How much of the queue's limit is used."""
    condition = work_queues.serves(conn, queue)
    row = conn.one(Q.used.replace("{condition}", condition.text), {**condition.params, "now": conn.time(now)})
    return int(row[0]) if row else 0


def hand_out(conn: Conn, ids: list[str], holder: str | None, until: datetime, now: datetime) -> set[str]:
    """Keep the runs for `holder`; the ids that it got."""
    values = {"ids": _listed(ids), "holder": holder, "until": conn.time(until), "now": conn.time(now)}
    return {row[0] for row in conn.all(Q.hand_out, values)}


def beat(conn: Conn, run_id: str, token: str, state_id: str, until: datetime, now: datetime) -> bool:
    """Renew a lease; False when the attempt or the state is another."""
    values = {"id": run_id, "token": token, "state_id": state_id}
    return conn.run(Q.beat, {**values, "until": conn.time(until), "now": conn.time(now)}) > 0


def end_hand_outs(conn: Conn, now: datetime) -> list[str | None]:
    """Take back the hand-outs that were not used in time; the names of their queues."""
    return [row[0] for row in conn.all(Q.ended_hand_outs, {"now": conn.time(now)})]


def give_back(conn: Conn, ids: list[str], until: datetime) -> list[str | None]:
    """Take back hand-outs that end at a time; the names of their queues."""
    return [row[0] for row in conn.all(Q.give_back, {"ids": _listed(ids), "until": conn.time(until)})]


def ended_leases(conn: Conn, now: datetime, limit: int) -> list[EndedLease]:
    """The runs whose holder is silent, the longest silence first."""
    rows = conn.all(Q.ended_leases, {"now": conn.time(now), "limit": limit})
    return [_ended(conn, *row, now=now) for row in rows]


def _ended(
    conn: Conn,
    run_id: str,
    state_id: str,
    state_type: str,
    until: Any,
    entered: Any,
    beat: Any,
    *,
    now: datetime,
) -> EndedLease:
    since = conn.when(entered) or now
    return EndedLease(
        run_id, state_id, state_type, conn.when(until) or now, max(since, conn.when(beat) or since)
    )


def next_end(conn: Conn) -> datetime | None:
    """When the next hold ends, whoever has it; None while nobody holds anything."""
    row = conn.one(Q.next_end)
    return conn.when(row[0]) if row else None


def end_lease(conn: Conn, run_id: str, state_id: str, was: datetime) -> bool:
    """Expect nothing more of a holder; False when anything has changed since."""
    return conn.run(Q.end_lease, {"id": run_id, "state_id": state_id, "was": conn.time(was)}) > 0


def extend_lease(conn: Conn, run_id: str, state_id: str, was: datetime, until: datetime) -> bool:
    """Give a holder more time; False when anything has changed since."""
    values = {"id": run_id, "state_id": state_id, "was": conn.time(was), "until": conn.time(until)}
    return conn.run(Q.extend_lease, values) > 0


def give_up_process(conn: Conn, run_id: str, state_id: str, policy: FlowRunPolicy, now: datetime) -> bool:
    """Let another process take over a run that waits to be retried."""
    values = {
        "id": run_id,
        "state_id": state_id,
        "policy": wire.encode(policy).decode(),
        "now": conn.time(now),
    }
    return conn.run(Q.give_up_process, values) > 0


def shift_leases(conn: Conn, until: datetime, now: datetime) -> int:
    """More time for the holders whose leases have ended by now."""
    return conn.run(Q.shift_leases, {"until": conn.time(until), "now": conn.time(now)})


def ended_pauses(conn: Conn, now: datetime) -> list[tuple[str, str]]:
    """Ids of run and state of paused runs that nobody resumed in time."""
    found = []
    for run_id, state_id, details in conn.all(Q.ended_pauses):
        until = _details(details).pause_timeout
        if until is not None and until <= now:
            found.append((run_id, state_id))
    return found


def orphans(conn: Conn, limit: int) -> list[str]:
    """Killed flow runs that have open task runs."""
    return [row[0] for row in conn.all(Q.orphans, {"limit": limit})]


def _filled(text: str, condition: str, queue: WorkQueue) -> str:
    return text.replace("{condition}", condition).replace("{index}", work_queues.index_of(queue))


def _listed(values: Iterable[str]) -> str:
    return wire.encode(list(values)).decode()
