"""Schedules of a deployment, its next times and its backfill, from the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orion.cli.api import Api, api
from tests.cli.conftest import Orion

pytestmark = pytest.mark.usefixtures("migrated")

RANGE = ("--from", "2026-01-01T00:00+00:00", "--to", "2026-01-01T05:30+00:00")
HOURLY = {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"}


@pytest.fixture
def server(orion: Orion) -> Iterator[Api]:
    with api() as opened:
        flow = opened.post("/flows/", {"name": "etl"})
        opened.post(
            "/deployments/", {"name": "d", "flow_id": flow["id"], "schedules": [{"schedule": HOURLY}]}
        )
        yield opened


def runs(server: Api) -> int:
    return int(
        server.post(
            "/flow_runs/count", {"flow_runs": {"expected_start_time": {"before_": "2026-01-02T00:00:00Z"}}}
        )
    )


@pytest.mark.row("DEP-11")
def test_a_backfill_is_previewed_made_and_not_doubled(orion: Orion, server: Api) -> None:
    preview = orion("deployment", "backfill", "etl/d", *RANGE, "--dry-run")
    assert preview.out.count("would be created") == 6 and runs(server) == 0
    assert "Would create 6 runs" in preview.err
    assert orion("deployment", "backfill", "etl/d", *RANGE, "--limit", "2").out.count("created") == 2
    assert runs(server) == 2
    rest = orion("deployment", "backfill", "etl/d", *RANGE)
    assert (rest.out.count("is there"), rest.out.count("created"), runs(server)) == (2, 4, 6)
    assert "Created 0 runs; 6 are there already" in orion("deployment", "backfill", "etl/d", *RANGE).err
    assert (
        "lies after"
        in orion(
            "deployment", "backfill", "etl/d", "--from", "2026-02-01", "--to", "2026-01-01", code=None
        ).err
    )


def test_a_backfill_to_a_day_has_all_of_that_day_and_needs_a_schedule(orion: Orion, server: Api) -> None:
    days = ("--from", "2026-01-01", "--to", "2026-01-01", "--dry-run")
    assert orion("deployment", "backfill", "etl/d", *days).out.count("would be created") == 24
    flow = server.post("/flows/", {"name": "bare"})["id"]
    server.post("/deployments/", {"name": "d", "flow_id": flow})
    assert "bare/d has no schedule" in orion("deployment", "backfill", "bare/d", *days, code=1).err


def test_schedules_are_added_switched_and_deleted(orion: Orion, server: Api) -> None:
    added = orion(
        "deployment", "schedule", "create", "etl/d", "--cron", "0 6 * * *", "--timezone", "Europe/Oslo"
    )
    hourly, daily = orion("deployment", "schedule", "ls", "etl/d", "--json").json
    assert daily["schedule"]["timezone"] == "Europe/Oslo"
    listed = orion("deployment", "inspect", "etl/d").out.partition("next ")[2].splitlines()
    assert len(listed) == 10 and all("+" in line for line in listed)
    times = [line.strip() for line in added.err.partition("Next:\n")[2].splitlines()]
    assert len(times) == 10 and {time[10:19] for time in times} == {"T06:00:00"}
    shown = orion("deployment", "schedule", "inspect", "etl/d", daily["id"]).out.splitlines()
    assert "At 06:00 (Europe/Oslo)" in "\n".join(shown) and shown[-10:] == times
    told = orion("deployment", "schedule", "inspect", "etl/d", hourly["id"], "--json").json
    assert (told["id"], len(told["next"])) == (hourly["id"], 10)
    orion("deployment", "schedule", "pause", "etl/d", hourly["id"])
    listed = orion("deployment", "schedule", "ls", "etl/d").out.splitlines()
    assert [line.split("\t")[2] for line in listed] == ["no", "yes"]
    orion("deployment", "schedule", "resume", "etl/d", hourly["id"])
    orion("deployment", "schedule", "delete", "etl/d", daily["id"])
    (left,) = orion("deployment", "schedule", "ls", "etl/d", "--json").json
    assert (left["id"], left["active"]) == (hourly["id"], True)


def test_what_makes_no_sense_is_refused(orion: Orion, server: Api) -> None:
    assert "one of --cron" in orion("deployment", "schedule", "create", "etl/d", code=None).err
    assert "0 schedules" in orion("deployment", "schedule", "pause", "etl/d", "ffff", code=None).err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--interval", "0"), "The interval of a schedule is a number of seconds above 0, not 0.0.\n"),
        (("--interval", "nan"), "The interval of a schedule is a number of seconds above 0, not nan.\n"),
        (("--cron", "0 0 31 2 *"), "Cron rule '0 0 31 2 *' has no time in the next eight years.\n"),
        (("--cron", "@daily", "--timezone", ""), "Unknown time zone"),
        (("--cron", "@daily", "--interval", "9"), "Give one of --cron, --interval and --rrule.\n"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_in_its_own_words(
    orion: Orion, server: Api, given: tuple[str, ...], said: str
) -> None:
    refused = orion("deployment", "schedule", "create", "etl/d", *given, code=1).err
    assert refused.startswith(said) and refused.count("\n") == 1
    assert len(orion("deployment", "schedule", "ls", "etl/d").out.splitlines()) == 1
