"""Applying, running and executing deployments against a server."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from orion.agent import Options
from orion.deployments import DeploymentFile, apply, build, execute, run_deployment
from orion.model.times import utcnow
from orion.model.wire import unraw
from orion.sdk.client import SyncClient
from orion.sdk.errors import OrionError
from tests.agent.house import House, Running, flow

pytestmark = pytest.mark.filterwarnings(
    "ignore:The flow .daily weather"
)  # every test has its own copy of the file


@pytest.mark.row("DEP-01")
@pytest.mark.row("DEP-04")
def test_applying_again_updates_the_same_deployment(code: Path, client: SyncClient) -> None:
    first = apply(build(f"{code}/flows.py:weather", name="nightly", tags=["a"]), client)
    second = apply(build(f"{code}/flows.py:weather", name="nightly", tags=["b"]), client)
    assert first.id == second.id
    found = client.read_deployment_by_name("daily weather/nightly")
    assert (found.id, found.tags, found.path, found.entrypoint) == (
        first.id,
        ["b"],
        str(code),
        "flows.py:weather",
    )
    assert unraw(found.parameter_openapi_schema)["required"] == ["station"]
    assert client.count_deployments() == 1


@pytest.mark.row("DEP-08")
@pytest.mark.row("SCH-08")
def test_an_applied_schedule_has_its_runs_at_once(code: Path, client: SyncClient) -> None:
    saved = apply(build(f"{code}/flows.py:weather", interval=3600), client)
    runs = client.read_flow_runs(
        flow_runs={"deployment_id": {"any_": [saved.id]}}, sort="EXPECTED_START_TIME_ASC"
    )
    assert [run.auto_scheduled for run in runs] == [True] * 3
    gaps = {b.expected_start_time - a.expected_start_time for a, b in pairwise(runs)}
    assert gaps == {timedelta(hours=1)}
    apply(build(f"{code}/flows.py:weather", cron="0 6 * * *", timezone="UTC"), client)
    runs = client.read_flow_runs(flow_runs={"deployment_id": {"any_": [saved.id]}})
    assert {run.expected_start_time.hour for run in runs} == {6}


def test_applying_the_same_file_again_keeps_the_plan(code: Path, client: SyncClient) -> None:
    built = build(f"{code}/flows.py:weather", interval=3600, anchor_date="2026-01-01T00:00:00Z")
    saved = apply(built, client)
    ids = {"deployment_id": {"any_": [saved.id]}}
    before = [
        run.expected_start_time
        for run in client.read_flow_runs(flow_runs=ids, sort="EXPECTED_START_TIME_ASC")
    ]
    again = apply(built, client)
    after = [
        run.expected_start_time
        for run in client.read_flow_runs(flow_runs=ids, sort="EXPECTED_START_TIME_ASC")
    ]
    assert before == after
    assert [schedule.id for schedule in saved.schedules] == [schedule.id for schedule in again.schedules]


@pytest.mark.row("SCH-01")
@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ({"cron": "0 0 31 2 *"}, "no time in the next eight years"),
        ({"cron": "H 3 * * *"}, "random or hashed"),
        ({"cron": "@daily", "timezone": "Mars/Base"}, "time zone"),
        ({"interval": 0.5}, "too short"),
        ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "no time"),
        ({"every": "day"}, "cron"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_with_the_reason(
    code: Path, client: SyncClient, schedule: dict[str, object], reason: str
) -> None:
    built = build(f"{code}/flows.py:weather")
    built.schedule = schedule
    with pytest.raises(OrionError, match=reason):
        apply(built, client)
    assert client.count_deployments() == 0


def test_a_file_written_by_hand_may_leave_out_what_the_code_knows(code: Path, client: SyncClient) -> None:
    saved = apply(DeploymentFile(name="short", path=str(code), entrypoint="flows.py:weather"), client)
    assert client.read_deployment_by_name("daily weather/short").id == saved.id
    assert (saved.version, saved.description) == ("7", "What the weather was.")


@pytest.mark.row("DEP-06")
def test_a_run_is_asked_for_with_parameters_and_tags_over_the_defaults(
    code: Path, client: SyncClient
) -> None:
    apply(build(f"{code}/flows.py:weather", parameters={"station": "Seattle"}, tags=["a"]), client)
    run = run_deployment("daily weather/default", parameters={"dry_run": True}, tags=["b"], timeout=0)
    assert (run.state_type, run.state_name) == ("SCHEDULED", "Scheduled")
    assert unraw(run.parameters) == {"station": "Seattle", "dry_run": True}
    assert set(run.tags) == {"a", "b"}
    assert abs(run.expected_start_time - utcnow()) < timedelta(seconds=30)


def test_waiting_for_a_run_ends_with_it_or_with_the_time(
    code: Path, client: SyncClient, house: House
) -> None:
    apply(build(f"{code}/flows.py:weather", parameters={"station": "Seattle"}), client)
    began = time.monotonic()
    run = run_deployment("daily weather/default", timeout=0.3, poll_interval=0.05)
    assert run.state_type == "SCHEDULED" and time.monotonic() - began >= 0.3
    agent = Running(
        Options(queues=("default",), api=house.api, command=flow("enter('RUNNING'); enter('COMPLETED')"))
    )
    try:
        assert run_deployment("daily weather/default", poll_interval=0.05).state_type == "COMPLETED"
    finally:
        agent.stop()


@pytest.mark.row("DEP-07")
def test_a_deployment_can_be_executed_without_an_agent(code: Path, client: SyncClient) -> None:
    apply(build(f"{code}/flows.py:weather", parameters={"station": "Seattle", "years": [1]}), client)
    state = execute("daily weather/default", {"years": [2013]})
    assert state.result() == "Seattle 2012-01-01 [2013] False"
    (run,) = client.read_flow_runs()
    assert run.state_type == "COMPLETED"


def test_a_name_that_leads_nowhere_is_refused(client: SyncClient) -> None:
    said = "There is no deployment 'no flow/no deployment': it was never applied, or it or its flow has been"
    for ask in (lambda name: run_deployment(name, timeout=0), execute):
        with pytest.raises(OrionError, match=said):
            ask("no flow/no deployment")
