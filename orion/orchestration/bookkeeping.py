"""Bookkeeping: what a stored transition does to the run's columns. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar

from msgspec.structs import replace

from orion.model.flow_runs import FlowRunPolicy
from orion.model.states import FINAL, PAUSED, RUNNING, SCHEDULED, State
from orion.model.task_runs import TaskRunPolicy
from orion.orchestration.facts import FlowFacts, Run, TaskFacts

R = TypeVar("R", bound=Run)


def bookkeep(run: R, now: State) -> R:
    """The run after it has entered `now`: counts, times and planned start. Holds also for forced states."""
    was = run.state
    ended = now.type in FINAL
    reopens = was is not None and was.type in FINAL and not ended
    start_time = run.start_time or (now.timestamp if now.type == RUNNING else None)
    end_time = None if reopens else run.end_time
    if ended and start_time is not None and end_time is None:
        end_time = now.timestamp
    return replace(
        run,
        state=now,
        start_time=start_time,
        end_time=end_time,
        total_run_time=run.total_run_time + _ran(was, now),
        run_count=_run_count(run, now, reopens),
        expected_start_time=run.expected_start_time or planned(now) or now.timestamp,
        next_scheduled_start_time=planned(now),
    )


def planned(state: State) -> datetime | None:
    """When a scheduled state is due; None for other states."""
    return state.state_details.scheduled_time if state.type == SCHEDULED else None


def policy_after(policy: FlowRunPolicy, was: State | None, now: State) -> FlowRunPolicy:
    """The flow run's policy after the transition: who holds a retry, what was paused, whether it is resumed."""
    left = None if was is None else was.type
    if left in FINAL and now.type not in FINAL:
        kind = "reschedule" if now.type == SCHEDULED else None
        return replace(policy, resuming=False, pause_keys=[], retry_type=kind)
    if left == RUNNING and now.name == "AwaitingRetry":
        return replace(policy, resuming=False, pause_keys=[], retry_type="in_process")
    if now.type == PAUSED:
        key = now.state_details.pause_key or now.id
        return replace(policy, pause_keys=[*(policy.pause_keys or ()), key])
    if left == PAUSED and now.type not in FINAL:
        return replace(policy, resuming=True, retry_type=_not_in_process(policy, now))
    if now.type == SCHEDULED and left != SCHEDULED and policy.retry_type == "in_process":
        return replace(policy, retry_type="reschedule")
    if policy.resuming and (now.type == RUNNING or now.type in FINAL):
        return replace(policy, resuming=False)
    return policy


def _not_in_process(policy: FlowRunPolicy, now: State) -> Literal["in_process", "reschedule"] | None:
    """A run that is scheduled anew is no longer waited for by its old process."""
    return "reschedule" if now.type == SCHEDULED and policy.retry_type else policy.retry_type


def retries_of(policy: FlowRunPolicy | TaskRunPolicy) -> int | None:
    """How often the run may be tried again; clients of the first generation say it by another name."""
    return (policy.max_retries or None) if policy.retries is None else policy.retries


def delay_of(policy: FlowRunPolicy) -> float:
    """Seconds until a flow run is tried again."""
    return policy.retry_delay_seconds if policy.retry_delay is None else policy.retry_delay


def lateness(run: Run) -> float:
    """Seconds between the expected and the real start of an ended run; 0 when it never started, or ahead of time."""
    if run.start_time is None or run.expected_start_time is None:
        return 0.0
    return max(0.0, (run.start_time - run.expected_start_time).total_seconds())


def _ran(was: State | None, now: State) -> float:
    if was is None or was.type != RUNNING:
        return 0.0
    return max(0.0, (now.timestamp - was.timestamp).total_seconds())


def _run_count(run: Run, now: State, reopens: bool) -> int:
    """Entering RUNNING counts, but not when a flow resumes; a task run that its flow runs again starts from zero."""
    count = 0 if reopens and isinstance(run, TaskFacts) else run.run_count
    resumes = isinstance(run, FlowFacts) and bool(run.policy.resuming)
    return count + (now.type == RUNNING and not resumes)
