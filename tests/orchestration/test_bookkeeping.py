"""What a transition does to a run's columns, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from orion.model.flow_runs import FlowRunPolicy
from orion.model.states import State
from orion.orchestration.bookkeeping import bookkeep, lateness, policy_after
from orion.orchestration.facts import FlowFacts, TaskFacts
from tests.orchestration.moves import at, state


def when(text: str, seconds: float, **details: Any) -> State:
    return replace(state(text, **details), timestamp=at(seconds))


def run(was: State | None = None, **facts: Any) -> FlowFacts:
    return FlowFacts(id="run", state=was, **facts)


def through(*states: State, start: FlowFacts | TaskFacts | None = None) -> Any:
    """The run after all these states."""
    found = start or run()
    for entered in states:
        found = bookkeep(found, entered)
    return found


@pytest.mark.row("ENG-13")
def test_a_whole_life_is_kept() -> None:
    ended = through(
        when("SCHEDULED", 0, scheduled_time=at(10)),
        when("PENDING", 11),
        when("RUNNING", 12),
        when("SCHEDULED AwaitingRetry", 15, scheduled_time=at(20)),
        when("RUNNING Retrying", 21),
        when("COMPLETED", 26),
    )
    assert ended.state.type == "COMPLETED"
    assert (ended.start_time, ended.end_time) == (at(12), at(26))
    assert (ended.expected_start_time, ended.next_scheduled_start_time) == (at(10), None)
    assert (ended.run_count, ended.total_run_time) == (2, 8.0)
    assert lateness(ended) == 2.0


@pytest.mark.row("ENG-13")
def test_the_planned_start_is_set_and_cleared_with_scheduled() -> None:
    planned = through(when("SCHEDULED", 0, scheduled_time=at(10)))
    assert planned.next_scheduled_start_time == at(10)
    assert through(
        when("SCHEDULED", 5, scheduled_time=at(50)), start=planned
    ).next_scheduled_start_time == at(50)
    assert through(when("PENDING", 5), start=planned).next_scheduled_start_time is None


def test_the_expected_start_is_set_once() -> None:
    assert through(when("PENDING", 3)).expected_start_time == at(3)
    assert through(when("PENDING", 3), when("SCHEDULED", 4, scheduled_time=at(9))).expected_start_time == at(
        3
    )


def test_a_run_that_never_started_has_no_end() -> None:
    assert through(when("PENDING", 0), when("CANCELLED", 5)).end_time is None


def test_a_second_ending_does_not_move_the_end() -> None:
    assert through(when("RUNNING", 0), when("FAILED", 5), when("CANCELLED", 9)).end_time == at(5)


@pytest.mark.row("ENG-14")
def test_leaving_an_ending_clears_the_end() -> None:
    again = through(when("RUNNING", 0), when("FAILED", 5), when("SCHEDULED", 9, scheduled_time=at(9)))
    assert again.end_time is None
    assert again.start_time == at(0)


def test_a_task_run_that_runs_again_with_its_flow_starts_counting_anew() -> None:
    states = (when("RUNNING", 0), when("FAILED", 1), when("RUNNING", 2))
    assert through(*states, start=TaskFacts(id="task")).run_count == 1
    assert through(*states).run_count == 2


def test_resuming_is_no_new_attempt() -> None:
    waiting = run(state("SCHEDULED Resuming"), policy=FlowRunPolicy(resuming=True), run_count=1)
    assert bookkeep(waiting, when("RUNNING", 5)).run_count == 1


def test_time_that_goes_back_does_not_shorten_a_run() -> None:
    assert bookkeep(run(when("RUNNING", 5)), when("COMPLETED", 3)).total_run_time == 0.0


@pytest.mark.parametrize(
    ("was", "now", "before", "after"),
    [
        (None, "PENDING", {}, {}),
        (
            "RUNNING",
            "SCHEDULED AwaitingRetry",
            {"pause_keys": ["k"]},
            {"retry_type": "in_process", "pause_keys": []},
        ),
        ("SCHEDULED AwaitingRetry", "RUNNING", {"retry_type": "in_process"}, {"retry_type": "in_process"}),
        ("PENDING", "SCHEDULED", {"retry_type": "in_process"}, {"retry_type": "reschedule"}),
        ("FAILED", "SCHEDULED", {"resuming": True, "pause_keys": ["k"]}, {"retry_type": "reschedule"}),
        ("FAILED", "RUNNING", {"retry_type": "in_process"}, {}),
        ("PAUSED", "RUNNING", {"pause_keys": ["k"]}, {"resuming": True, "pause_keys": ["k"]}),
        (
            "PAUSED",
            "SCHEDULED Resuming",
            {"retry_type": "in_process"},
            {"resuming": True, "retry_type": "reschedule"},
        ),
        ("PENDING", "RUNNING", {"resuming": True}, {"resuming": False}),
        ("PENDING", "CRASHED", {"resuming": True}, {"resuming": False}),
    ],
)
def test_the_policy_tells_who_holds_a_retry_and_whether_a_run_resumes(
    was: str | None, now: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    left = None if was is None else state(was)
    assert policy_after(FlowRunPolicy(**before), left, state(now)) == FlowRunPolicy(**after)


def test_a_pause_key_is_remembered() -> None:
    fired = policy_after(FlowRunPolicy(pause_keys=["a"]), state("RUNNING"), state("PAUSED", pause_key="b"))
    assert fired.pause_keys == ["a", "b"]
    keyless = policy_after(FlowRunPolicy(), state("RUNNING"), state("PAUSED"))
    assert len(keyless.pause_keys or ()) == 1
