"""The part of a chain that is about limits: tags of task runs, and named limits that code asks for."""

from __future__ import annotations

from shlex import quote

from orion.model.limits import ConcurrencyLimitV2
from orion.model.waiting import Cause, Mend
from orion.store import waiting
from orion.store.slot_waiters import Wish
from orion.web.display import plural
from orion.web.waiting.look import Look

TAG = "tag:"
LONGEST_RING = 10
DEADLOCK = (
    "This is a deadlock: those who hold it wait for what is held by who waits for it. Cancel one of them, or raise "
    "the limit; code that takes its limits in one call, or always in the same order, cannot get there"
)


def tag_causes(look: Look, tag: str, text: str = "") -> list[Cause]:
    """Whether the limit of a tag has room; nothing where the tag has none."""
    limit = look.limit(TAG + tag)
    if limit is None or not limit.active:
        return []
    if limit.active_slots < limit.limit:
        room = f"{limit.active_slots} of {limit.limit} in use"
        return [Cause(kind="tag_limit", stops=False, title=f"The tag {tag} has room", text=room)]
    raised = str(limit.active_slots + 1)
    mend = Mend(
        label=f"Raise the limit to {raised}",
        command=f"orion concurrency-limit create {quote(tag)} {raised}",
        action=f"limits/{limit.id}/raise",
        fields={"limit": raised},
    )
    return [_full(look, limit, "tag_limit", f"the tag {tag}", text, mend)]


def named_causes(look: Look, run_id: str, *above: str) -> list[Cause]:
    """The named limits that a run's code waits for.

    `above` are the runs that wait for this one: a task run's flow run.
    """
    wish = look.wish(run_id)
    if wish is None:
        return []
    causes = []
    for limit in _full_of(look, wish):
        wanted = wish.slots[limit.name]
        raised = str(limit.active_slots + wanted)
        mend = Mend(
            label=f"Raise the limit to {raised}",
            command=f"orion gcl update {quote(limit.name)} --limit {raised}",
            action=f"limits/{limit.id}/raise",
            fields={"limit": raised},
        )
        wants = f"its code asks for {plural(wanted, 'slot')}"
        if _is_ring(look, limit, {run_id, *above}):
            wants += f". {DEADLOCK}"
        cause = _full(look, limit, "named_limit", limit.name, wants, mend)
        cause.since = wish.since
        causes.append(cause)
    return causes


def _full_of(look: Look, wish: Wish) -> list[ConcurrencyLimitV2]:
    """Those of the limits that somebody waits for that have no room for it."""
    limits = [limit for name in wish.slots if (limit := look.limit(name)) and limit.active]
    return [limit for limit in limits if limit.limit - limit.active_slots < wish.slots[limit.name]]


def _is_ring(look: Look, limit: ConcurrencyLimitV2, above: set[str]) -> bool:
    """Whether everybody who holds a full limit waits, through whatever others, for what the runs `above` hold."""
    holders = waiting.limit_holders(look.conn, limit.id, look.now)
    look.expect_wishes(holder.id for holder in holders if holder.id is not None)
    return bool(holders) and all(
        holder.id in above or (holder.id is not None and _is_stuck(look, holder.id, above))
        for holder in holders
    )


def _is_stuck(look: Look, run_id: str, above: set[str]) -> bool:
    wish = look.wish(run_id)
    if wish is None or len(above) > LONGEST_RING:
        return False
    return any(_is_ring(look, limit, {*above, run_id}) for limit in _full_of(look, wish))


def _full(look: Look, limit: ConcurrencyLimitV2, kind: str, name: str, text: str, mend: Mend) -> Cause:
    holders = waiting.limit_holders(look.conn, limit.id, look.now)
    return Cause(
        kind=kind,  # type: ignore[arg-type]  # one of two
        stops=True,
        title=taken(name, limit.limit),
        text=text,
        since=max((holder.since for holder in holders if holder.since), default=None),
        holders=holders,
        mends=[mend],
    )


def taken(name: str, limit: int) -> str:
    """A full limit in words: All 2 slots of gpu are taken."""
    if limit == 0:
        return f"The limit of {name} is 0"
    return f"The only slot of {name} is taken" if limit == 1 else f"All {limit} slots of {name} are taken"
