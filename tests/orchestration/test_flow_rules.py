"""Flow rules as tables: (was, wanted, facts) gives the verdict."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from orion.model.states import FINAL, StateType
from orion.orchestration.verdicts import Instead
from tests.orchestration.moves import TOKEN, at, flow_verdict, said, state

TYPES = (
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "PAUSED",
    "CANCELLING",
    "COMPLETED",
    "FAILED",
    "CRASHED",
    "CANCELLED",
)
ENDINGS = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
DEPLOYED = {"deployment_id": "deployment"}


@pytest.mark.row("ENG-01")
def test_there_are_these_types_of_states_and_four_are_endings() -> None:
    assert get_args(StateType) == TYPES
    assert set(ENDINGS) == FINAL


@pytest.mark.row("ENG-01")
@pytest.mark.row("ENG-08")
@pytest.mark.parametrize("was", ENDINGS)
@pytest.mark.parametrize("wanted", TYPES)
def test_an_ending_without_a_reason_to_leave_it_stays(was: str, wanted: str) -> None:
    assert said(flow_verdict(was, wanted)) == "abort"


@pytest.mark.row("ENG-08")
@pytest.mark.parametrize("was", sorted(FINAL))
def test_a_deployed_run_leaves_its_ending_only_to_be_scheduled(was: str) -> None:
    said_to = {wanted: said(flow_verdict(was, wanted, **DEPLOYED)) for wanted in TYPES}
    assert said_to.pop("SCHEDULED") == "accept Scheduled"
    assert set(said_to.values()) == {"abort"}


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ({"type": "reference"}, "reject"),
        (0, "reject"),
        ({"type": "unpersisted"}, "accept Scheduled"),
        (None, "accept Scheduled"),
    ],
)
def test_a_stored_result_keeps_a_completed_run(data: Any, verdict: str) -> None:
    assert said(flow_verdict(state("COMPLETED", data=data), "SCHEDULED", **DEPLOYED)) == verdict


def test_a_stored_result_does_not_turn_another_ending_into_a_reject() -> None:
    completed = state("COMPLETED", data={"type": "reference"})
    assert said(flow_verdict(completed, "FAILED", **DEPLOYED)) == "abort"


@pytest.mark.parametrize("was", ["FAILED", "CRASHED", "CANCELLED", "COMPLETED"])
def test_a_subflow_runs_again_with_the_flow_above_it(was: str) -> None:
    assert said(flow_verdict(was, "RUNNING", parent_task_run_id="task", reopened=True)) == "accept Running"
    assert said(flow_verdict(was, "PENDING", parent_task_run_id="task", reopened=True)) == "accept Pending"
    assert said(flow_verdict(was, "FAILED", parent_task_run_id="task", reopened=True)) == "abort"
    assert said(flow_verdict(was, "RUNNING", parent_task_run_id="task", reopened=False)) == "abort"


@pytest.mark.parametrize(
    ("was", "wanted", "verdict"),
    [
        ("SCHEDULED", "PENDING", "accept Pending"),
        ("PENDING", "PENDING", "abort"),
        ("RUNNING", "PENDING", "abort"),
        ("CANCELLING", "PENDING", "abort"),
        ("RUNNING", "RUNNING", "abort"),
        ("PENDING", "RUNNING", "accept Running"),
        ("SCHEDULED", "RUNNING", "accept Running"),
        ("PENDING", "PENDING Submitting", "accept Submitting"),
        ("PENDING Submitting", "PENDING Submitting", "abort"),
        ("PENDING Submitting", "PENDING", "abort"),
        ("RUNNING", "PENDING Submitting", "abort"),
    ],
)
def test_pending_and_running_are_entered_once(was: str, wanted: str, verdict: str) -> None:
    assert said(flow_verdict(was, wanted)) == verdict


@pytest.mark.parametrize(
    ("was", "token", "wanted", "verdict"),
    [
        ("PENDING", TOKEN, "RUNNING", "accept Running"),
        ("PENDING", None, "RUNNING", "abort"),
        ("PENDING", "another token", "RUNNING", "abort"),
        ("SCHEDULED AwaitingRetry", None, "RUNNING", "abort"),
        ("RUNNING", "another token", "COMPLETED", "abort"),
        ("RUNNING", "another token", "CRASHED", "abort"),
        ("RUNNING", TOKEN, "COMPLETED", "accept Completed"),
        ("RUNNING", None, "CANCELLING", "accept Cancelling"),
        ("PAUSED", None, "RUNNING", "accept Running"),
    ],
)
def test_a_claimed_run_listens_to_the_holder_of_its_token(
    was: str, token: str | None, wanted: str, verdict: str
) -> None:
    assert said(flow_verdict(was, wanted, token=token, attempt_token=TOKEN)) == verdict


def test_a_token_of_an_attempt_that_was_taken_back_is_refused() -> None:
    assert said(flow_verdict("SCHEDULED", "RUNNING", token=TOKEN, attempt_token=None)) == "abort"


@pytest.mark.parametrize("wanted", [kind for kind in TYPES if kind not in ("CANCELLED", "PENDING")])
def test_what_is_being_cancelled_stays_so(wanted: str) -> None:
    assert said(flow_verdict("CANCELLING", wanted)) == "reject"


def test_what_is_being_cancelled_ends_as_cancelled() -> None:
    assert said(flow_verdict("CANCELLING", "CANCELLED")) == "accept Cancelled"


@pytest.mark.parametrize(
    ("was", "facts", "verdict"),
    [
        (state("SCHEDULED"), {}, "instead CANCELLED Cancelled"),
        (state("SCHEDULED"), {"infrastructure_pid": "host:1"}, "accept Cancelling"),
        (state("SCHEDULED Resuming"), {"infrastructure_pid": "host:1"}, "instead CANCELLED Cancelled"),
        (state("PAUSED", pause_reschedule=True), DEPLOYED, "instead CANCELLED Cancelled"),
        (state("PENDING"), {}, "accept Cancelling"),
        (state("RUNNING"), {}, "accept Cancelling"),
    ],
)
def test_a_run_without_a_process_is_cancelled_at_once(was: Any, facts: dict[str, Any], verdict: str) -> None:
    assert said(flow_verdict(was, "CANCELLING", **facts)) == verdict


@pytest.mark.parametrize(
    ("was", "verdict"),
    [("SCHEDULED", "accept Late"), ("PENDING", "reject"), ("RUNNING", "reject"), (None, "reject")],
)
def test_only_a_scheduled_run_can_be_late(was: str | None, verdict: str) -> None:
    assert said(flow_verdict(was, "SCHEDULED Late")) == verdict


@pytest.mark.parametrize(
    ("was", "details", "facts", "verdict"),
    [
        ("RUNNING", {}, {}, "accept Paused"),
        (None, {}, {}, "abort"),
        ("PENDING", {}, {}, "reject"),
        ("SCHEDULED", {}, {}, "reject"),
        ("RUNNING", {"pause_key": "k"}, {"pause_keys": ["k"]}, "reject"),
        ("RUNNING", {"pause_key": "k"}, {"pause_keys": ["j"]}, "accept Paused"),
        ("RUNNING", {"pause_reschedule": True}, DEPLOYED, "accept Paused"),
        ("RUNNING", {"pause_reschedule": True}, {}, "abort"),
        ("RUNNING", {"pause_reschedule": True}, {**DEPLOYED, "parent_task_run_id": "task"}, "abort"),
    ],
)
def test_only_a_running_flow_pauses_and_a_key_fires_once(
    was: str | None, details: dict[str, Any], facts: dict[str, Any], verdict: str
) -> None:
    assert said(flow_verdict(was, state("PAUSED", **details), **facts)) == verdict


@pytest.mark.parametrize(
    ("details", "wanted", "facts", "verdict"),
    [
        ({}, "RUNNING", {}, "accept Running"),
        ({}, "SCHEDULED", {}, "accept Scheduled"),
        ({}, "FAILED", {}, "accept Failed"),
        ({}, "PENDING", {}, "reject"),
        ({}, "CANCELLING", {}, "reject"),
        ({"pause_timeout": at(10)}, "RUNNING", {}, "accept Running"),
        ({"pause_timeout": at(-10)}, "RUNNING", {}, "instead FAILED Failed"),
        ({"pause_reschedule": True}, "SCHEDULED", {}, "reject"),
        ({"pause_reschedule": True}, "SCHEDULED", DEPLOYED, "accept Scheduled"),
    ],
)
def test_a_paused_flow_goes_on_in_time(
    details: dict[str, Any], wanted: str, facts: dict[str, Any], verdict: str
) -> None:
    assert said(flow_verdict(state("PAUSED", **details), wanted, **facts)) == verdict


@pytest.mark.row("ENG-09")
@pytest.mark.parametrize(
    ("was", "seconds", "verdict"),
    [
        ("SCHEDULED", 90, "wait 90"),
        ("SCHEDULED", 0.2, "wait 1"),
        ("SCHEDULED", 0, "accept Running"),
        ("SCHEDULED", -5, "accept Running"),
        ("PENDING", 10, "wait 10"),
    ],
)
def test_a_run_does_not_start_before_its_time(was: str, seconds: float, verdict: str) -> None:
    assert said(flow_verdict(state(was, scheduled_time=at(seconds)), "RUNNING")) == verdict


def test_pending_may_come_early_and_keeps_the_scheduled_time() -> None:
    verdict = flow_verdict(state("SCHEDULED", scheduled_time=at(90)), "PENDING")
    assert said(verdict) == "accept Pending"
    assert verdict.state.state_details.scheduled_time == at(90)


def test_a_step_within_pending_keeps_the_scheduled_time() -> None:
    verdict = flow_verdict(state("PENDING", scheduled_time=at(90)), "PENDING Submitting")
    assert verdict.state.state_details.scheduled_time == at(90)


@pytest.mark.row("ENG-11")
@pytest.mark.parametrize(
    ("policy", "run_count", "verdict"),
    [
        ({"retries": 1}, 1, "instead SCHEDULED AwaitingRetry"),
        ({"retries": 1}, 2, "accept Failed"),
        ({"retries": 0}, 1, "accept Failed"),
        ({}, 1, "accept Failed"),
        ({"max_retries": 2}, 2, "instead SCHEDULED AwaitingRetry"),
        ({"max_retries": 2, "retries": 0}, 1, "accept Failed"),
    ],
)
def test_a_failed_flow_waits_for_its_retry(policy: dict[str, Any], run_count: int, verdict: str) -> None:
    assert said(flow_verdict("RUNNING", "FAILED", run_count=run_count, **policy)) == verdict


def test_the_retry_keeps_what_the_failure_said_and_comes_after_the_delay() -> None:
    failed = state("FAILED", data={"type": "literal"}, message="no luck")
    verdict = flow_verdict("RUNNING", failed, run_count=1, retries=3, retry_delay=7)
    assert isinstance(verdict, Instead) and verdict.state is not None
    assert (verdict.state.message, verdict.state.data) == ("no luck", failed.data)
    assert verdict.state.state_details.scheduled_time == at(7)


@pytest.mark.parametrize("was", ["SCHEDULED", "PENDING", "RUNNING"])
def test_a_crash_is_taken_as_it_is_told(was: str) -> None:
    assert said(flow_verdict(was, "CRASHED", run_count=1, retries=3, **DEPLOYED)) == "accept Crashed"


@pytest.mark.row("ENG-06")
def test_the_rules_are_asked_in_the_order_guard_then_time_then_retry() -> None:
    ended = state("FAILED", scheduled_time=at(60))
    assert said(flow_verdict(ended, "RUNNING")) == "abort"
    early = state("SCHEDULED", scheduled_time=at(60))
    assert said(flow_verdict(early, "RUNNING", retries=1)) == "wait 60"
