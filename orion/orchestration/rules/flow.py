"""Rules for flow runs only."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from msgspec.structs import replace

from orion.model.states import (
    CANCELLED,
    CANCELLING,
    FAILED,
    FINAL,
    PAUSED,
    PENDING,
    RUNNING,
    SCHEDULED,
    State,
    StateDetails,
    StateType,
)
from orion.orchestration.bookkeeping import delay_of, retries_of
from orion.orchestration.facts import FlowFacts, Move
from orion.orchestration.rules.shared import awaiting_retry, kept_result
from orion.orchestration.verdicts import Abort, Instead, Verdict


def facts(move: Move) -> FlowFacts:
    """The facts of a move of a flow run."""
    return cast(FlowFacts, move.run)


def holder_only(move: Move) -> Verdict | None:
    """I2: a run claimed with an attempt token listens to the holder of that token alone."""
    held = facts(move).attempt_token
    if move.token is not None and move.token != held:
        return Abort("This attempt was given to another process; stop this one.")
    starts = move.wanted.type == RUNNING and move.left in (SCHEDULED, PENDING)
    if move.token is None and held is not None and starts:
        return Abort("This run was claimed with an attempt token; start it with that token.")
    return None


def leaving_final(move: Move) -> Verdict | None:
    """I3: an ending is left only to be scheduled again, or with the run above it."""
    if move.left not in FINAL:
        return None
    if (kept := kept_result(move)) is not None:
        return kept
    if facts(move).deployment_id is not None:
        allowed = move.wanted.type == SCHEDULED
    else:
        allowed = facts(move).reopened and not move.wanted.is_final
    return None if allowed else Abort("This run has ended.")


def cancelling_stays(move: Move) -> Verdict | None:
    """What is being cancelled can only end as cancelled."""
    if move.left == CANCELLING and move.wanted.type != CANCELLED:
        return Instead(None, "This run is being cancelled.")
    return None


def nothing_to_kill(move: Move) -> Verdict | None:
    """A run without a process is cancelled at once."""
    if move.wanted.type != CANCELLING or move.was is None or move.left not in (SCHEDULED, PAUSED):
        return None
    if not _without_process(move.was, facts(move)):
        return None
    state = _new(move, CANCELLED, "Cancelled", move.wanted.message)
    return Instead(state, "No process runs for this run; it is cancelled at once.")


def late_was_scheduled(move: Move) -> Verdict | None:
    """Only a scheduled run can be late."""
    if move.wanted.type == SCHEDULED and move.wanted.name == "Late" and move.left != SCHEDULED:
        return Instead(None, "Only a scheduled run can be late.")
    return None


def pausing(move: Move) -> Verdict | None:
    """Only a running flow pauses, and each pause key fires once."""
    if move.wanted.type != PAUSED:
        return None
    if move.was is None:
        return Abort("A run without a state cannot be paused.")
    if move.left != RUNNING:
        return Instead(None, "Only a running flow can be paused.")
    run, details = facts(move), move.wanted.state_details
    if details.pause_key and details.pause_key in (run.policy.pause_keys or ()):
        return Instead(None, "This pause has already fired.")
    if details.pause_reschedule and run.parent_task_run_id:
        return Abort("A subflow cannot be suspended.")
    if details.pause_reschedule and run.deployment_id is None:
        return Abort("A flow run without a deployment cannot be suspended.")
    return None


def resuming(move: Move) -> Verdict | None:
    """A paused flow goes on in time, or fails."""
    if move.was is None or move.left != PAUSED:
        return None
    if move.wanted.type not in (RUNNING, SCHEDULED) and not move.wanted.is_final:
        return Instead(None, "A paused run can only go on, be scheduled or end.")
    details = move.was.state_details
    if details.pause_reschedule and facts(move).deployment_id is None:
        return Instead(None, "A suspended run without a deployment cannot be scheduled again.")
    if details.pause_timeout is not None and details.pause_timeout < move.now:
        state = _new(move, FAILED, "Failed", "The flow was paused and never resumed.")
        return Instead(state, "The pause timed out.")
    return None


def room_in_deployment(move: Move) -> Verdict | None:
    """Of a deployment with a limit only so many runs are under way; one more waits, or is cancelled."""
    crowd = facts(move).crowd
    if move.wanted.type != PENDING or move.left == PENDING or crowd is None or crowd.runs < crowd.limit:
        return None
    full = f"{crowd.runs} of {crowd.limit} runs of the deployment are under way"
    if crowd.cancels:
        return Instead(_new(move, CANCELLED, "Cancelled", f"{full}."), f"{full}; this one is cancelled.")
    state = _new(move, SCHEDULED, "AwaitingConcurrencySlot", f"{full}.")
    due = move.now + timedelta(seconds=move.slot_wait)
    state = replace(state, state_details=StateDetails(scheduled_time=due))
    return Instead(state, f"{full}; this one waits.")


def retrying(move: Move) -> Verdict | None:
    """A failed flow run with retries left waits for its next attempt in the same process."""
    if move.left != RUNNING or move.wanted.type != FAILED:
        return None
    policy = facts(move).policy
    retries = retries_of(policy)
    if retries is None or facts(move).run_count > retries:
        return None
    return awaiting_retry(move, delay_of(policy))


def _without_process(was: State, run: FlowFacts) -> bool:
    if was.type == PAUSED:
        return bool(was.state_details.pause_reschedule)
    return not run.infrastructure_pid or was.name == "Resuming"


def _new(move: Move, kind: StateType, name: str, message: str | None) -> State:
    return State(id=move.wanted.id, type=kind, name=name, timestamp=move.wanted.timestamp, message=message)
