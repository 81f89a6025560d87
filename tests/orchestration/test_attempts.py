"""Who holds a flow run after a transition: hand-out, token and lease, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from orion.model.flow_runs import FlowRunPolicy
from orion.orchestration.attempts import Terms, hold_after, lease_seconds, terms
from orion.orchestration.facts import FlowFacts
from orion.settings import temporary_settings
from tests.orchestration.moves import NOW, TOKEN, at, state

DEPLOYED = {"deployment_id": "deployment"}
HELD = {**DEPLOYED, "attempt_token": TOKEN, "heartbeat": at(-5), "lease_until": at(70)}
IN_PROCESS = FlowRunPolicy(retry_type="in_process")


def after(left: str | None, entered: Any, token: str | None = None, **facts: Any) -> FlowFacts:
    entered = state(entered) if isinstance(entered, str) else entered
    return hold_after(FlowFacts(id="run", state=entered, **facts), left, NOW, token, Terms())


def test_pending_consumes_the_hand_out_and_leases_the_run() -> None:
    run = after("SCHEDULED", "PENDING", TOKEN, **DEPLOYED, claimed_by="agent", claim_until=at(20))
    assert (run.claimed_by, run.claim_until) == (None, None)
    assert (run.attempt_token, run.lease_until, run.submit_count) == (TOKEN, at(90), 1)


def test_the_lease_of_an_early_claim_counts_from_the_scheduled_time() -> None:
    run = after("SCHEDULED", state("PENDING", scheduled_time=at(10)), TOKEN, **DEPLOYED)
    assert run.lease_until == at(100)


def test_a_claim_without_a_token_is_leased_too() -> None:
    run = after("SCHEDULED", "PENDING", None, **DEPLOYED)
    assert (run.attempt_token, run.lease_until) == (None, at(90))


def test_a_run_that_is_made_pending_by_its_own_process_has_no_lease() -> None:
    assert after(None, "PENDING").lease_until is None


def test_the_process_of_an_earlier_attempt_is_forgotten() -> None:
    assert (
        after("SCHEDULED", "PENDING", TOKEN, **DEPLOYED, infrastructure_pid="host:1").infrastructure_pid
        is None
    )


def test_a_step_within_pending_changes_nothing() -> None:
    run = after("PENDING", "PENDING Submitting", None, **HELD)
    assert (run.attempt_token, run.lease_until) == (TOKEN, at(70))


@pytest.mark.parametrize(("heartbeat", "lease"), [(None, None), (at(-5), at(75))])
def test_running_has_a_lease_only_once_it_has_beaten(heartbeat: Any, lease: Any) -> None:
    run = after("PENDING", "RUNNING", **{**HELD, "heartbeat": heartbeat})
    assert (run.attempt_token, run.lease_until, run.submit_count) == (TOKEN, lease, 0)


def test_a_process_that_waits_for_its_retry_keeps_its_hold() -> None:
    run = after("RUNNING", "SCHEDULED AwaitingRetry", **HELD, policy=IN_PROCESS)
    assert (run.attempt_token, run.lease_until) == (TOKEN, at(75))


def test_a_run_that_is_scheduled_anew_is_held_by_nobody() -> None:
    run = after("RUNNING", "SCHEDULED", **HELD)
    assert (run.attempt_token, run.lease_until, run.heartbeat) == (None, None, None)


def test_being_late_does_not_take_a_run_from_the_one_who_has_it_on_hand() -> None:
    run = after("SCHEDULED", "SCHEDULED Late", **DEPLOYED, claimed_by="agent", claim_until=at(20))
    assert (run.claimed_by, run.claim_until) == ("agent", at(20))


def test_a_suspended_run_is_held_by_nobody_and_a_paused_one_by_its_process() -> None:
    assert after("RUNNING", state("PAUSED", pause_reschedule=True), **HELD).attempt_token is None
    assert after("RUNNING", "PAUSED", **HELD).lease_until == at(75)


@pytest.mark.parametrize("entered", ["COMPLETED", "FAILED", "CANCELLED"])
def test_an_ending_ends_the_lease(entered: str) -> None:
    assert after("RUNNING", entered, **HELD).lease_until is None


def test_the_clock_looks_at_a_crashed_run_at_once() -> None:
    assert after("RUNNING", "CRASHED", **HELD).lease_until == NOW
    assert after("RUNNING", "CRASHED", **DEPLOYED).lease_until is None


def test_cancelling_is_bounded_even_without_heartbeats() -> None:
    assert after("RUNNING", "CANCELLING").lease_until == at(120)


def test_the_settings_say_how_long_a_hold_lasts() -> None:
    with temporary_settings({"ORION_CLAIM_SECONDS": 5, "ORION_MAX_SUBMIT_ATTEMPTS": 1}):
        assert (terms().claim, terms().submits) == (5, 1)
    assert terms() == Terms()


def test_a_beat_holds_longer_while_a_process_is_being_started() -> None:
    assert lease_seconds(FlowFacts(id="run", state=state("PENDING")), Terms()) == 90
    assert lease_seconds(FlowFacts(id="run", state=state("RUNNING")), Terms()) == 75
