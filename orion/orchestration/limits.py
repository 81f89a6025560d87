"""Limits: slots of named limits taken and given back, at once or with a lease that ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from orion.errors import Gone, Invalid, Locked
from orion.model.ids import new_id
from orion.model.limits import Decrement, Increment, IncrementWithLease, Lease, MinimalLimit
from orion.orchestration import turns
from orion.orchestration.turns import Asker
from orion.store import slot_waiters, slots
from orion.store.base import Conn, Row

NO_LIMIT = "00000000-0000-8000-8000-000000000000"  # the lease of an asker whom no limit concerns
SOMEBODY = Asker()


class Named(Struct):
    """A limit with what is taken: `loose` slots without a lease, decayed until now, and `held` ones; and who waits."""

    id: str
    name: str
    slots: int
    decay: float
    occupancy: float
    loose: float
    held: int
    awaited: bool = False

    @property
    def free(self) -> float:
        return self.slots - self.loose - self.held

    @property
    def shown(self) -> MinimalLimit:
        return MinimalLimit(id=self.id, name=self.name, limit=self.slots)


def take(conn: Conn, wanted: Increment, now: datetime, asker: Asker = SOMEBODY) -> list[MinimalLimit]:
    """Take slots in every limit of the names, or raise `Locked` with the seconds until it may work.

    Who is refused has been written down as waiting: commit, or it has no place in the line.
    """
    limits = _room(conn, wanted, now, asker)
    for limit in limits:
        slots.set_taken(conn, limit.id, limit.loose + wanted.slots, limit.occupancy, now)
    return [limit.shown for limit in limits]


def give(conn: Conn, done: Decrement, now: datetime) -> list[MinimalLimit]:
    """Give slots back; `occupancy_seconds` teaches the limit how long they are held."""
    limits = _limits(conn, done.names, now)
    for limit in limits:
        occupancy = _occupancy(limit, done)
        slots.set_taken(conn, limit.id, max(0.0, limit.loose - done.slots), occupancy, now)
    conn.publish("slots")
    return [limit.shown for limit in limits]


def take_lease(conn: Conn, wanted: IncrementWithLease, now: datetime, asker: Asker = SOMEBODY) -> Lease:
    """Take slots until a lease ends, as `take`. Who asks for names without a limit gets a lease on nothing."""
    limits = _room(conn, wanted, now, asker)
    if not limits:
        return Lease(lease_id=NO_LIMIT, limits=[])
    lease_id, until = new_id(), now + timedelta(seconds=wanted.lease_duration)
    holder = (wanted.holder.type, wanted.holder.id) if wanted.holder else None
    slots.add_lease(conn, lease_id, [limit.id for limit in limits], wanted.slots, until, holder, now)
    return Lease(lease_id=lease_id, limits=[limit.shown for limit in limits])


def renew_lease(conn: Conn, lease_id: str, seconds: float, now: datetime) -> None:
    """Hold on for some seconds from now; raises `Gone` when the lease has ended."""
    if lease_id != NO_LIMIT and not slots.renew_lease(conn, lease_id, now + timedelta(seconds=seconds), now):
        raise Gone("The lease has ended; its slots are free.")


def give_lease(conn: Conn, lease_id: str, now: datetime) -> None:
    """Give the slots of a lease back; one that has ended already needs nothing."""
    if slots.drop_lease(conn, lease_id):
        conn.publish("slots")


def _room(conn: Conn, wanted: Increment, now: datetime, asker: Asker) -> list[Named]:
    """The limits of the names when there is room in all of them, for this one and now; else `Locked`."""
    if wanted.create_if_missing:
        for name in wanted.names:
            slots.add_limit(conn, name, now)
    limits = _limits(conn, wanted.names, now)
    for limit in limits:
        if wanted.mode == "rate_limit" and limit.decay <= 0:
            raise Invalid(f'The limit "{limit.name}" cannot limit a rate: give it a slot_decay_per_second.')
    full = [limit for limit in limits if limit.free < wanted.slots]
    if full:
        delay = max(_delay(limit, wanted.slots) for limit in full)
        raise _refused(conn, asker, limits, full, wanted.slots, now, delay)
    if any(limit.awaited for limit in limits):
        _take_turn(conn, asker, limits, wanted.slots, now)
    return limits


def _take_turn(conn: Conn, asker: Asker, limits: list[Named], wanted: int, now: datetime) -> None:
    """There is room: who came first has it, and waits no longer."""
    room = {limit.id: limit.free for limit in limits}
    left = turns.left(conn, room, wanted, asker.id, now, lambda ids: free(conn, ids, now))
    kept = [limit for limit in limits if left[limit.id] < wanted]
    if kept:
        raise _refused(conn, asker, limits, kept, wanted, now, None)
    if asker.id:
        slot_waiters.leave(conn, asker.id)


def _refused(
    conn: Conn,
    asker: Asker,
    limits: list[Named],
    short: list[Named],
    wanted: int,
    now: datetime,
    delay: float | None,
) -> Locked:
    """Write the asker down; without a `delay` there are free slots, but kept for those who came first."""
    turns.refused(conn, asker, [limit.id for limit in limits], wanted, now, full=delay is not None)
    names = ", ".join(limit.name for limit in short)
    return Locked(f"Not enough free slots: {names}.", retry_after=delay or turns.offer_seconds())


def free(conn: Conn, limit_ids: list[str], now: datetime) -> turns.Room:
    """The free slots of some limits, kept from nobody."""
    return {limit.id: limit.free for limit in _named(conn, slots.unlocked(conn, limit_ids), now)}


def _limits(conn: Conn, names: Sequence[str], now: datetime) -> list[Named]:
    return _named(conn, slots.lock_limits(conn, names), now)


def _named(conn: Conn, rows: list[Row], now: datetime) -> list[Named]:
    held, awaited = slots.taken(conn, [row[0] for row in rows], now) if rows else ({}, set())
    return [
        Named(
            id=row[0],
            name=row[1],
            slots=row[2],
            decay=row[4],
            occupancy=row[5],
            loose=_decayed(row[3], row[4], conn.when(row[6]), now),
            held=held[row[0]],
            awaited=row[0] in awaited,
        )
        for row in rows
    ]


def _decayed(taken: float, decay: float, counted: datetime | None, now: datetime) -> float:
    """What is left of `taken` slots that fall off by `decay` a second."""
    seconds = 0.0 if counted is None else max(0.0, (now - counted).total_seconds())
    return max(0.0, taken - decay * seconds)


def _delay(limit: Named, wanted: int) -> float:
    """Seconds until there may be room."""
    missing = min(wanted, limit.slots) - limit.free
    return max(1.0, missing / limit.decay if limit.decay > 0 else limit.occupancy)


def _occupancy(limit: Named, done: Decrement) -> float:
    """A moving average over about twice as many holders as the limit has slots."""
    if done.occupancy_seconds is None:
        return limit.occupancy
    return limit.occupancy + (done.occupancy_seconds - limit.occupancy) / (2 * max(1, limit.slots))
