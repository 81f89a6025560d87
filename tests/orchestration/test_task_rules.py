"""Task rules as tables: (was, wanted, facts) gives the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from orion.model.states import FINAL
from orion.orchestration.facts import FlowOf, Limit
from orion.orchestration.verdicts import Instead
from tests.orchestration.moves import at, said, state, task_verdict

AGAIN = {"flow": FlowOf(state_type="RUNNING", run_count=2), "flow_run_run_count": 1}


def limit(slots: int, taken: int) -> Limit:
    return Limit(id="limit", tag="db", slots=slots, taken=taken)


@pytest.mark.row("ENG-08")
@pytest.mark.parametrize("was", sorted(FINAL))
@pytest.mark.parametrize("wanted", ["RUNNING", "PENDING", "SCHEDULED", "FAILED", "COMPLETED", "CRASHED"])
def test_an_ending_stays_while_the_flow_is_in_the_same_attempt(was: str, wanted: str) -> None:
    assert said(task_verdict(was, wanted)) == "abort"


@pytest.mark.parametrize("was", sorted(FINAL))
def test_a_task_runs_again_when_its_flow_does(was: str) -> None:
    assert said(task_verdict(was, "RUNNING", **AGAIN)) == "accept Retrying"
    assert said(task_verdict(was, "COMPLETED", **AGAIN)) == "abort"


def test_a_stored_result_is_kept_when_the_flow_runs_again() -> None:
    done = state("COMPLETED", data={"type": "reference"})
    assert said(task_verdict(done, "RUNNING", **AGAIN)) == "reject"
    lost = state("COMPLETED", data={"type": "unpersisted"})
    assert said(task_verdict(lost, "RUNNING", **AGAIN)) == "accept Retrying"


@pytest.mark.parametrize(
    ("was", "wanted", "facts", "verdict"),
    [
        ("PENDING", "RUNNING", {}, "accept Running"),
        ("RUNNING", "RUNNING", {"run_count": 1}, "abort"),
        ("RUNNING", "RUNNING", {"run_count": 1, **AGAIN}, "accept Rerunning"),
        ("PENDING", "PENDING", {}, "abort"),
        ("PENDING", "PENDING NotReady", {}, "accept NotReady"),
        (None, "PENDING", {}, "accept Pending"),
    ],
)
def test_pending_and_running_are_entered_once_an_attempt(
    was: str | None, wanted: str, facts: dict[str, Any], verdict: str
) -> None:
    assert said(task_verdict(was, wanted, **facts)) == verdict


def test_a_cached_state_is_taken_over_under_the_name_cached() -> None:
    kept = state("COMPLETED", data={"type": "reference"}, message="from before", cache_key="k")
    verdict = task_verdict("PENDING", "RUNNING", cached=kept)
    assert said(verdict) == "instead COMPLETED Cached"
    assert isinstance(verdict, Instead) and verdict.state is not None
    assert (verdict.state.data, verdict.state.message) == (kept.data, "from before")
    assert verdict.state.id != kept.id


@pytest.mark.row("CON-05")
def test_a_cached_result_needs_no_slot() -> None:
    kept = state("COMPLETED", cache_key="k")
    assert (
        said(task_verdict("PENDING", "RUNNING", cached=kept, limits=(limit(1, 1),)))
        == "instead COMPLETED Cached"
    )
    assert (
        said(task_verdict("PENDING", "RUNNING", cached=kept, limits=(limit(0, 0),)))
        == "instead COMPLETED Cached"
    )


@pytest.mark.row("ENG-02")
@pytest.mark.parametrize(
    ("flow", "verdict"),
    [
        (FlowOf(state_type="RUNNING"), "accept Running"),
        (FlowOf(state_type="PAUSED"), "instead PAUSED NotReady"),
        (FlowOf(state_type="PENDING"), "abort"),
        (FlowOf(state_type="COMPLETED"), "abort"),
        (FlowOf(state_type="CANCELLING"), "abort"),
        (FlowOf(), "abort"),
        (None, "abort"),
    ],
)
def test_a_task_starts_only_while_its_flow_runs(flow: FlowOf | None, verdict: str) -> None:
    assert said(task_verdict("PENDING", "RUNNING", flow=flow)) == verdict


def test_a_task_run_without_a_flow_run_starts_by_itself() -> None:
    assert said(task_verdict("PENDING", "RUNNING", flow_run_id=None, flow=None)) == "accept Running"


def test_not_ready_carries_the_pause_of_the_flow() -> None:
    paused = FlowOf(state_type="PAUSED", pause_timeout=at(60), pause_reschedule=True)
    verdict = task_verdict("PENDING", "RUNNING", flow=paused)
    assert isinstance(verdict, Instead) and verdict.state is not None
    details = verdict.state.state_details
    assert (details.pause_timeout, details.pause_reschedule) == (at(60), True)


@pytest.mark.row("CON-02")
@pytest.mark.row("CON-03")
@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ((), "accept Running"),
        ((limit(1, 0),), "accept Running"),
        ((limit(1, 1),), "wait 30"),
        ((limit(3, 2),), "accept Running"),
        ((limit(2, 3),), "wait 30"),
        ((limit(0, 0),), "abort"),
        ((limit(1, 0), limit(1, 1)), "wait 30"),
        ((limit(1, 1), limit(0, 0)), "abort"),
    ],
)
def test_running_needs_a_slot_in_each_limited_tag(limits: tuple[Limit, ...], verdict: str) -> None:
    assert said(task_verdict("PENDING", "RUNNING", limits=limits)) == verdict


@pytest.mark.row("ENG-09")
@pytest.mark.parametrize(
    ("was", "seconds", "verdict"),
    [("SCHEDULED", 12, "wait 12"), ("PENDING", 12, "wait 12"), ("SCHEDULED", -1, "accept Running")],
)
def test_a_task_does_not_start_before_its_time(was: str, seconds: float, verdict: str) -> None:
    assert said(task_verdict(state(was, scheduled_time=at(seconds)), "RUNNING")) == verdict


@pytest.mark.row("ENG-10")
@pytest.mark.parametrize(
    ("policy", "run_count", "verdict"),
    [
        ({"retries": 1}, 1, "instead SCHEDULED AwaitingRetry"),
        ({"retries": 1}, 2, "accept Failed"),
        ({"retries": 0}, 1, "accept Failed"),
        ({}, 1, "accept Failed"),
        ({"max_retries": 1}, 1, "instead SCHEDULED AwaitingRetry"),
    ],
)
def test_a_failed_task_waits_for_its_retry(policy: dict[str, Any], run_count: int, verdict: str) -> None:
    assert said(task_verdict("RUNNING", "FAILED", run_count=run_count, **policy)) == verdict


def test_a_failure_that_cannot_be_retried_is_final() -> None:
    assert (
        said(task_verdict("RUNNING", state("FAILED", retriable=False), run_count=1, retries=5))
        == "accept Failed"
    )


@pytest.mark.row("ENG-10")
@pytest.mark.parametrize(
    ("delay", "run_count", "seconds"),
    [
        (5, 1, 5),
        (0.5, 2, 0.5),
        ([1, 10, 100], 1, 1),
        ([1, 10, 100], 2, 10),
        ([1, 10], 3, 10),
        ([], 1, 0),
        (None, 1, 0),
    ],
)
def test_the_delay_is_a_number_or_one_of_a_list(delay: Any, run_count: int, seconds: float) -> None:
    verdict = task_verdict("RUNNING", "FAILED", run_count=run_count, retries=9, retry_delay=delay)
    assert isinstance(verdict, Instead) and verdict.state is not None
    assert verdict.state.state_details.scheduled_time == at(seconds)


@pytest.mark.parametrize(
    ("factor", "chance", "seconds"),
    [(0.5, 0.0, 5), (0.5, 0.5, 10), (0.5, 1.0, 15), (3, 0.0, 0), (3, 1.0, 40)],
)
def test_jitter_lies_around_the_delay(factor: float, chance: float, seconds: float) -> None:
    policy = {"retries": 1, "retry_delay": 10, "retry_jitter_factor": factor}
    verdict = task_verdict("RUNNING", "FAILED", chance, run_count=1, **policy)
    assert isinstance(verdict, Instead) and verdict.state is not None
    assert verdict.state.state_details.scheduled_time == at(seconds)


@pytest.mark.row("ENG-02")
@pytest.mark.row("ENG-12")
@pytest.mark.parametrize(
    ("was", "run_count", "name"),
    [
        ("PENDING", 0, "Running"),
        ("SCHEDULED", 0, "Running"),
        ("SCHEDULED AwaitingRetry", 1, "Retrying"),
        ("SCHEDULED", 1, "Rerunning"),
        ("PENDING", 2, "Rerunning"),
    ],
)
def test_a_repeat_is_called_retrying_or_rerunning(was: str, run_count: int, name: str) -> None:
    assert said(task_verdict(was, "RUNNING", run_count=run_count)) == f"accept {name}"


@pytest.mark.row("ENG-07")
def test_the_cache_is_asked_before_the_slots_and_the_slots_before_the_time() -> None:
    early = state("SCHEDULED", scheduled_time=at(60))
    kept = state("COMPLETED", cache_key="k")
    assert (
        said(task_verdict(early, "RUNNING", cached=kept, limits=(limit(1, 1),))) == "instead COMPLETED Cached"
    )
    assert said(task_verdict(early, "RUNNING", limits=(limit(1, 1),))) == "wait 30"
    assert said(task_verdict(early, "RUNNING", limits=(limit(1, 0),))) == "wait 60"
