"""Turns: of those who wait for slots the one that came first goes first, on whatever server of a database it waits.

A free slot is kept for the oldest waiter that could have it now, for a second from when it was told; then it is
anybody's. Who waits for a second limit that is full keeps nobody from the first: that could make a ring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from orion.settings import current
from orion.store import slot_waiters
from orion.store.base import Conn
from orion.store.slot_waiters import Waiter

Room = dict[str, float]  # free slots, by limit


class Asker(Struct, frozen=True):
    """Who asks for slots: `id` is the same however often it asks; who `stays` waits for the answer, in a line."""

    id: str = ""
    stays: bool = False
    run_id: str | None = None


def refused(
    conn: Conn, asker: Asker, limit_ids: Iterable[str], slots: int, now: datetime, *, full: bool
) -> None:
    """Write down who could not have its slots, in the transaction that refused them."""
    if asker.id and (asker.stays or asker.run_id):
        slot_waiters.join(
            conn,
            asker.id,
            list(limit_ids),
            slots,
            now,
            stays=asker.stays,
            full=full,
            run_id=asker.run_id,
        )


def offer_seconds() -> float:
    """For how long a free slot is kept for the one whose turn it is."""
    return current().slot_offer_seconds


def left(
    conn: Conn, room: Room, slots: int, asker_id: str, now: datetime, look: Callable[[list[str]], Room]
) -> Room:
    """What an asker may have of the free slots: all but those of waiters that came before it and could have them now.

    Where that is too little, those it is kept for are told. `look` gives the free slots of other limits.
    """
    turn = _Turn(conn, room, asker_id, now, look)
    for limit_id in room:
        turn.walk(limit_id, slots)
    for limit_id, before in turn.before.items():
        if turn.room[limit_id] < slots:
            for waiter in before:
                slot_waiters.offer(conn, waiter.id, now)
    return {limit_id: turn.room[limit_id] for limit_id in room}


class _Turn:
    """One walk along the lines of some limits. `before` are those who go first, by limit."""

    def __init__(
        self, conn: Conn, room: Room, asker_id: str, now: datetime, look: Callable[[list[str]], Room]
    ) -> None:
        self.conn, self.room, self.asker_id, self.now, self.look = conn, dict(room), asker_id, now, look
        self.before: dict[str, list[Waiter]] = {}
        self._offer = timedelta(seconds=offer_seconds())
        self._met: set[str] = set()

    def walk(self, limit_id: str, slots: int) -> None:
        """Keep slots for each in the line of a limit, until the asker's own place or until it is refused anyway."""
        if self.room[limit_id] < slots:
            return
        for waiter in slot_waiters.line(self.conn, limit_id, self.asker_id, self.now):
            if waiter.id not in self._met and not self._let_pass(waiter):
                self._met.add(waiter.id)
                self._keep(waiter, limit_id)
                if self.room[limit_id] < slots:
                    return

    def _let_pass(self, waiter: Waiter) -> bool:
        return waiter.offered is not None and self.now - waiter.offered >= self._offer

    def _keep(self, waiter: Waiter, limit_id: str) -> None:
        wanted = {limit_id: waiter.slots}
        if waiter.limits > 1:
            wanted = slot_waiters.wanted(self.conn, waiter.id)
            unknown = [id for id in wanted if id not in self.room]
            self.room |= self.look(unknown) if unknown else {}
        if all(self.room.get(id, slots) >= slots for id, slots in wanted.items()):
            for id, slots in wanted.items():
                self.room[id] = self.room.get(id, slots) - slots
                self.before.setdefault(id, []).append(waiter)
