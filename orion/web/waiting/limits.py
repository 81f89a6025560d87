"""The part of a chain that is about limits: tags of task runs, and named limits that code asks for."""

from __future__ import annotations

from shlex import quote

from orion.model.limits import ConcurrencyLimitV2
from orion.model.waiting import Cause, Mend
from orion.store import waiting
from orion.web.display import plural
from orion.web.waiting.look import Look

TAG = "tag:"


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


def named_causes(look: Look, run_id: str) -> list[Cause]:
    """The named limits that a run's code waits for, as far as this server was asked."""
    waiter = look.waiters.of(run_id, look.now)
    if waiter is None:
        return []
    limits = [limit for name in waiter.names if (limit := look.limit(name)) and limit.active]
    full = [limit for limit in limits if limit.limit - limit.active_slots < waiter.slots]
    causes = []
    for limit in full:
        raised = str(limit.active_slots + waiter.slots)
        mend = Mend(
            label=f"Raise the limit to {raised}",
            command=f"orion gcl update {quote(limit.name)} --limit {raised}",
            action=f"limits/{limit.id}/raise",
            fields={"limit": raised},
        )
        wants = f"its code asks for {plural(waiter.slots, 'slot')}"
        cause = _full(look, limit, "named_limit", limit.name, wants, mend)
        cause.since = waiter.since
        causes.append(cause)
    return causes


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
