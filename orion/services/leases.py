"""Leases: runs whose holder has fallen silent come free again (I10), and never against a holder who spoke (I11).

A hand-out that was not used goes back to its queue; a PENDING run is scheduled again, three times, then given up; a
RUNNING one has crashed; one that waited for its own retry is left to other processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from orion.model.ids import new_id
from orion.model.states import CANCELLING, CRASHED, PAUSED, PENDING, RUNNING, SCHEDULED, State, StateDetails
from orion.orchestration import loading
from orion.orchestration.attempts import terms
from orion.orchestration.entering import enter_flow_run, not_before
from orion.orchestration.facts import FlowFacts
from orion.services import cancelling, crashes, presence
from orion.store import Conn, Lane, Store, claims, slot_waiters, slots

BATCH = 200
JUMP = timedelta(seconds=30)
SLACK = timedelta(seconds=5)

_ticks: WeakKeyDictionary[Store, datetime] = WeakKeyDictionary()
_lock = threading.Lock()


def sweep(store: Store, now: datetime) -> int:
    """End hand-outs and leases that are over; the number of runs and leases.

    A process cannot know by itself what was before its first sweep, or during a jump of the clock. Unless web servers
    have left word that they could be reached all the while (`presence`), every silent holder gets another period.
    """
    if not _on_time(store, now) and not presence.heard(store, now):
        return store.write_now(claims.shift_leases, now + timedelta(seconds=terms().beat), now, lane=Lane.LOW)
    touched = _tidy(store, now)
    heard = presence.heard(store, now)
    for lease in store.read_now(claims.ended_leases, now, BATCH):
        touched += store.write_now(reap, lease.run_id, lease.state_id, now, heard=heard, lane=Lane.LOW)
    return touched


def sweep_alone(store: Store, now: datetime) -> int:
    """One sweep where no clock stands: a silent holder gets its other period once, and is reaped at a later one."""
    if _on_time(store, now):
        return sweep(store, now)
    touched = _tidy(store, now)
    for lease in store.read_now(claims.ended_leases, now, BATCH):
        end = _excuse if _is_first(lease) else reap
        touched += store.write_now(end, lease.run_id, lease.state_id, now, lane=Lane.LOW)
    return touched


def next_end(store: Store) -> datetime | None:
    """When the next hold ends; None while there is none."""
    return store.read_now(claims.next_end)


def reap(conn: Conn, run_id: str, state_id: str, now: datetime, *, heard: bool = True) -> bool:
    """Take a run from its silent holder, unless its state or its lease has changed since it was looked at.

    Where nobody could be `heard`, silence means nothing: then only what needs no holder is done, a crash's retry.
    """
    run = loading.flow_run(conn, run_id)
    if run is None or run.state is None or run.state.id != state_id:
        return False
    if run.lease_until is None or run.lease_until > now:
        return False
    if not heard and run.state.type != CRASHED:
        return False
    return _ENDED.get(run.state.type, end)(conn, run, now)


def pending(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """Back to the queue; a run without a token has longer once its infrastructure is there."""
    assert run.state is not None and run.lease_until is not None
    due = run.state.state_details.scheduled_time or run.state.timestamp
    until = max(run.state.timestamp, due) + timedelta(seconds=terms().started)
    if run.attempt_token is None and run.infrastructure_pid and now < until:
        return not claims.extend_lease(conn, run.id, run.state.id, run.lease_until, until)
    if run.deployment_id is None and run.attempt_token is not None:
        return _crash(conn, run, now, "The process that made the run ended before it started it.")
    if run.submit_count >= terms().submits:
        return _crash(
            conn, run, now, f"The run was handed out {run.submit_count} times, but no process started it."
        )
    message = "No process started the run in time; it is handed out again."
    details = StateDetails(scheduled_time=due)
    state = State(
        id=new_id(), type=SCHEDULED, name="Scheduled", timestamp=now, message=message, state_details=details
    )
    enter_flow_run(conn, run, not_before(state, run.state), now)
    return True


def silent(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """Nothing was heard of the process for too long."""
    return _crash(
        conn, run, now, f"The flow process was not heard of for {terms().beat:g} s; it is taken for dead."
    )


def waiting(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """The retry no longer waits for a dead process."""
    assert run.state is not None
    conn.publish("queues")
    if run.work_queue_name:
        conn.publish(f"queue:{run.work_queue_name}")
    return claims.give_up_process(
        conn, run.id, run.state.id, replace(run.policy, retry_type="reschedule"), now
    )


def end(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """Nothing more is to come of this lease."""
    assert run.state is not None and run.lease_until is not None
    return claims.end_lease(conn, run.id, run.state.id, run.lease_until)


_ENDED: dict[str, Callable[[Conn, FlowFacts, datetime], bool]] = {
    PENDING: pending,
    RUNNING: silent,
    PAUSED: silent,
    SCHEDULED: waiting,
    CANCELLING: cancelling.clean_up,
    CRASHED: crashes.retry,
}


def _crash(conn: Conn, run: FlowFacts, now: datetime, message: str) -> bool:
    state = State(id=new_id(), type=CRASHED, name="Crashed", timestamp=now, message=message)
    enter_flow_run(conn, run, not_before(state, run.state), now)
    return True


def _tidy(store: Store, now: datetime) -> int:
    touched = store.write_now(_end_hand_outs, now, lane=Lane.LOW)
    store.write_now(slot_waiters.drop_silent, now, lane=Lane.LOW)
    return touched + store.write_now(slots.drop_ended_leases, now, lane=Lane.LOW)


def _longest() -> timedelta:
    return timedelta(seconds=max(terms().beat, terms().pending, terms().cancelling)) + SLACK


def _is_first(lease: claims.EndedLease) -> bool:
    """Whether the lease is no longer than a beat or a state makes it, so that nobody has prolonged it yet."""
    return lease.state_type != CRASHED and lease.until - lease.heard <= _longest()


def _excuse(conn: Conn, run_id: str, state_id: str, now: datetime) -> bool:
    """Wait for the holder once more, unless it has spoken since."""
    run = loading.flow_run(conn, run_id)
    if run is None or run.state is None or run.state.id != state_id:
        return False
    if run.lease_until is None or run.lease_until > now:
        return False
    heard = max(run.state.timestamp, run.heartbeat or run.state.timestamp)
    until = max(now + timedelta(seconds=terms().beat), heard + _longest() + SLACK)
    return claims.extend_lease(conn, run_id, state_id, run.lease_until, until)


def _end_hand_outs(conn: Conn, now: datetime) -> int:
    names = claims.end_hand_outs(conn, now)
    for topic in {f"queue:{name}" for name in names if name} | ({"queues"} if names else set()):
        conn.publish(topic)
    return len(names)


def _on_time(store: Store, now: datetime) -> bool:
    """Whether the last sweep was just before, so that silence means something."""
    with _lock:
        last = _ticks.get(store)
        _ticks[store] = now
    return last is not None and now - last <= JUMP
