"""The navigation counts what fails, is late and runs, and takes the numbers along when a page asks again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, PARTIAL


def tally(text: str) -> dict[str, str]:
    """The numbers beside Runs, by state."""
    shown = text.partition("nav-runs")[2].partition("</a>")[0].partition("</hx-partial>")[0]
    return {word: number for number, word in re.findall(r'title="(\d+) (\w+)', shown)}


@pytest.mark.row("UI-26")
def test_runs_that_fail_are_late_or_run_are_counted_in_the_navigation(client: Client, clock: Clock) -> None:
    assert tally(client.get("/flows", headers=HTML).text) == {}
    flow = makers.flow(client)["id"]
    makers.running_flow_run(client, flow_id=flow)
    for kind in ("FAILED", "CRASHED", "COMPLETED"):
        makers.propose(client, "flow_runs", makers.flow_run(client, flow)["id"], kind, force=True)
    late = {"type": "SCHEDULED", "name": "Late", "state_details": {"scheduled_time": clock.now.isoformat()}}
    makers.flow_run(client, flow, state=late)
    clock.now += timedelta(minutes=1)
    counted = {"failed": "2", "late": "1", "running": "1"}
    assert tally(client.get("/flows", headers=HTML).text) == counted
    again = client.get("/flows", headers=PARTIAL).text
    assert '<hx-partial hx-target="#nav-runs"' in again and tally(again) == counted
    clock.now += timedelta(days=2)
    assert "failed" not in tally(client.get("/flows", headers=HTML).text)


@pytest.mark.row("UI-01")
def test_the_bar_at_the_left_leads_to_every_room_and_marks_the_one_that_is_open(client: Client) -> None:
    rooms = {"runs": "Runs", "flows": "Flows", "deployments": "Deployments", "queues": "Work queues",
             "blocks": "Blocks", "artifacts": "Artifacts", "notifications": "Notifications"}  # fmt: skip
    offices = {"search": "Search", "variables": "Variables", "limits": "Limits", "health": "Health",
               "settings": "Settings"}  # fmt: skip
    for here in (*rooms, *offices):
        page = client.get(f"/{here}", headers=HTML).text
        for label, places in (("Main", rooms), ("Admin", offices), ("Main, compact", {**rooms, **offices})):
            nav = page.partition(f'<nav aria-label="{label}">')[2].partition("</nav>")[0]
            found = re.findall(r'<a href="\./(\w+)"([^>]*)><svg.*?</svg>([\w ]+)<', nav)
            assert {where: words for where, _, words in found} == places
            assert [where for where, _, _ in found] == list(places)
            assert [where for where, more, _ in found if "aria-current" in more] == [
                each for each in places if each == here
            ]


def test_flows_deployments_and_queues_are_counted_too(client: Client) -> None:
    makers.deployment(client, work_queue_name="etl")
    nav = client.get("/settings", headers=HTML).text.partition('aria-label="Main"')[2].partition("</nav>")[0]
    assert re.findall(r'Flows<span class="n">(\d+)', nav) == ["1"]
    assert re.findall(r'Deployments<span class="n">(\d+)', nav) == ["1"]
    assert re.findall(r'Work queues<span class="n">(\d+)', nav) == ["1"]


def test_a_region_and_json_are_not_made_to_count(client: Client) -> None:
    assert "nav-runs" not in client.get("/runs", headers={**PARTIAL, "HX-Target": "div#runs"}).text
    assert "nav" not in client.get("/runs", headers={"Accept": "application/json"}).json()
