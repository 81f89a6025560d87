"""Rows of runs as they are drawn: escaped, with what a list can say of a run and no more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.store import console
from orion.web import run_list
from orion.web.display import Viewer, viewer
from orion.web.pages.run_rows import Note, RunRow
from tests.web.pages import World

HOSTILE = """<b onclick="x('y')">&amp;</b>"""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _looking() -> None:
    viewer.set(Viewer(NOON))


def row(*, name: str = "calm-fox", tags: list[str] | None = None, **fields: Any) -> RunRow:
    run = FlowRun(
        id=new_id(), created=NOON, updated=NOON, name=name, flow_id=new_id(), state_type="FAILED",
        state_name="Failed", tags=tags or [],
    )  # fmt: skip
    known: dict[str, Any] = {"flow_name": "etl", "tasks": {}, "note": Note(), "said": "", "seconds": None}
    return RunRow(**{"run": run, "time": None, **known, **fields})


def drawn(one: RunRow, pick: bool = True) -> ElementTree.Element:
    shown = run_list.draw([one], lambda path: "../" + path, "icons.svg", pick)
    return ElementTree.fromstring(re.sub(r"(<input[^>]*)>", r"\1/>", shown))


def said(found: ElementTree.Element, name: str) -> str:
    (part,) = [each for each in found.iter() if each.get("class") == name]
    return "".join(part.itertext())


def test_nothing_of_a_run_becomes_markup() -> None:
    shown = row(name=HOSTILE, tags=[HOSTILE], flow_name=HOSTILE, note=Note(HOSTILE, HOSTILE), said=HOSTILE)
    text = run_list.draw([shown], lambda path: path, "i", True)
    assert "<b onclick" not in text and text.count("&lt;b onclick=") == 7


def test_a_row_leads_to_its_run_and_its_flow_and_tells_the_rest() -> None:
    one = row(
        tags=["auto-scheduled", "a", "b", "c", "d", "e"], tasks={"completed": 3, "failed": 1}, time=NOON,
        note=Note("KeyError", "queue q"), said="2 min ago", seconds=75.0, slower="2.0× usual",
    )  # fmt: skip
    found = drawn(one)
    assert (found.get("id"), found.get("data-s")) == (f"run-{one.run.id}", "failed")
    links = [a.get("href") for a in found.iter("a")]
    assert links == [f"../flows/{one.run.flow_id}", f"../runs/{one.run.id}"]
    assert [tag.text for tag in found.iter() if tag.get("class") == "tag"] == ["a", "b", "c", "d", "+1"]
    assert said(found, "m") == "KeyError · queue q" and said(found, "prog") == "3/4"
    assert said(found, "when") == "12:00:002 min ago" and said(found, "num dur") == "1m 15s2.0× usual"


def test_what_is_not_known_is_a_dash_and_a_plan_shows_no_more_than_it_has() -> None:
    found = drawn(row())
    assert (said(found, "prog"), said(found, "when"), said(found, "num dur")) == ("–", "–", "–")
    plan = drawn(row(), pick=False)
    assert not list(plan.iter("input")) and "prog" not in {each.get("class") for each in plan.iter()}


def test_the_usual_times_of_many_deployments_are_those_of_each(seen: World) -> None:
    now, store = seen.client.app.state.clock(), seen.client.app.state.store
    ids = [id for id, _ in store.read_now(console.deployment_options)]
    several = store.read_now(console.usual_of_deployments, ids, 20, now)
    each = {id: console.usual(store.read_now(console.last_of_deployment, id, 20, now)) for id in ids}
    assert several == pytest.approx(each) and any(several.values())
    unknown = new_id()
    assert store.read_now(console.usual_of_deployments, [unknown], 20, now) == {unknown: None}
