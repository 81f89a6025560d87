"""Rules for task runs only."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from orion.model.states import COMPLETED, FAILED, FINAL, PAUSED, RUNNING, State, StateDetails
from orion.model.task_runs import TaskRunPolicy
from orion.orchestration.bookkeeping import retries_of
from orion.orchestration.facts import Move, TaskFacts
from orion.orchestration.rules.shared import awaiting_retry, kept_result
from orion.orchestration.verdicts import Abort, Accept, Instead, Verdict, Wait


def facts(move: Move) -> TaskFacts:
    """The facts of a move of a task run."""
    return cast(TaskFacts, move.run)


def holder_only(move: Move) -> Verdict | None:
    """I2: who no longer holds the flow run no longer speaks for its task runs."""
    flow = facts(move).flow
    if move.token is None or flow is None or move.token == flow.attempt_token:
        return None
    return Abort("The flow run was given to another process; stop this one.")


def leaving_final(move: Move) -> Verdict | None:
    """I3: an ending is left only when the flow run was started again."""
    if move.left not in FINAL:
        return None
    if (kept := kept_result(move)) is not None:
        return kept
    if facts(move).reopened and not move.wanted.is_final:
        return None
    return Abort("This task run has ended.")


def cached(move: Move) -> Verdict | None:
    """A stored state under the same cache key is taken over, without a slot."""
    found = facts(move).cached
    if move.wanted.type != RUNNING or found is None:
        return None
    state = State(
        id=move.wanted.id,
        type=COMPLETED,
        name="Cached",
        timestamp=move.wanted.timestamp,
        message=found.message,
        data=found.data,
        state_details=found.state_details,
    )
    return Instead(state, "A cached result was found.")


def flow_must_run(move: Move) -> Verdict | None:
    """A task starts only while its flow runs; it waits with a paused flow."""
    flow = facts(move).flow
    if move.wanted.type != RUNNING or facts(move).flow_run_id is None:
        return None
    if flow is not None and flow.state_type == RUNNING:
        return None
    if flow is None or flow.state_type != PAUSED:
        return Abort("The flow run of this task run is not running.")
    details = StateDetails(pause_timeout=flow.pause_timeout, pause_reschedule=flow.pause_reschedule)
    state = State(
        id=move.wanted.id,
        type=PAUSED,
        name="NotReady",
        timestamp=move.wanted.timestamp,
        state_details=details,
    )
    return Instead(state, "The flow run is paused.")


def free_slot(move: Move) -> Verdict | None:
    """RUNNING needs a slot in each limited tag, all or none."""
    if move.wanted.type != RUNNING:
        return None
    limits = facts(move).limits
    for limit in limits:
        if limit.slots <= 0:
            return Abort(f'The limit of tag "{limit.tag}" is 0: no task run with this tag may run.')
    for limit in limits:
        if limit.taken >= limit.slots:
            return Wait(move.slot_wait, f'All {limit.slots} slots of tag "{limit.tag}" are taken.')
    for limit in limits:
        if limit.taken + limit.kept >= limit.slots:
            return Wait(1, f'The free slots of tag "{limit.tag}" are for those who came first.')
    return None


def retrying(move: Move) -> Verdict | None:
    """A failed task run with retries left waits for its next attempt."""
    if move.left != RUNNING or move.wanted.type != FAILED or move.wanted.state_details.retriable is False:
        return None
    policy = facts(move).policy
    retries = retries_of(policy)
    if retries is None or facts(move).run_count > retries:
        return None
    return awaiting_retry(move, delay_of(policy, facts(move).run_count, move.chance))


def renaming(move: Move) -> Verdict | None:
    """A repeat is called Retrying after a wait or with its flow, else Rerunning."""
    if move.left in FINAL:
        return Accept(replace(move.wanted, name="Retrying"))
    if move.wanted.type != RUNNING or facts(move).run_count == 0:
        return None
    waited = move.was is not None and move.was.name == "AwaitingRetry"
    return Accept(replace(move.wanted, name="Retrying" if waited else "Rerunning"))


def delay_of(policy: TaskRunPolicy, run_count: int, chance: float) -> float:
    """Seconds to the next attempt after `run_count` attempts: a delay, or one of a list, and jitter around it."""
    delay = policy.retry_delay_seconds if policy.retry_delay is None else policy.retry_delay
    if isinstance(delay, list):
        delay = delay[min(run_count - 1, len(delay) - 1)] if delay else 0
    factor = policy.retry_jitter_factor or 0
    low = delay * max(0.0, 1 - factor)
    return low + (delay * (1 + factor) - low) * chance if factor else delay
