"""Log lines as they are drawn: escaped, in the viewer's zone, with what is searched marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from orion.model.ids import new_id
from orion.model.logs import Log
from orion.web import log_lines
from orion.web.ansi import LONGEST
from orion.web.display import Viewer, viewer

HOSTILE = """<b onclick="x('y')">&amp;</b>"""
LATE = datetime(2026, 11, 22, 23, 30, 0, 123_456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _looking() -> None:
    viewer.set(Viewer(LATE, ZoneInfo("Europe/Berlin"), "Europe/Berlin"))


def line(**fields: Any) -> Log:
    known = {"id": new_id(), "created": LATE, "updated": LATE, "timestamp": LATE, "flow_run_id": new_id()}
    return Log(
        **{**known, "task_run_id": None, "level": 20, "name": "orion.flow_runs", "message": "hello", **fields}
    )


def drawn(*lines: Log, **more: Any) -> list[ElementTree.Element]:
    shown = log_lines.draw(lines, lambda path: "../" + path, **more)
    return list(ElementTree.fromstring(f"<ol>{shown}</ol>".replace(" download>", ' download="">')))


def test_a_line_says_when_how_grave_and_where_it_was_written() -> None:
    one, other = line(level=40), line(task_run_id=new_id(), timestamp=LATE.replace(hour=22))
    first, second = drawn(one, other, tasks={other.task_run_id: "load"})
    assert (first.get("id"), first.get("class")) == (f"L{one.id}", "error")
    assert "".join(first.itertext()).split() == ["00:30:00.123ERRORflowhello"]
    time = first.find(".//time")
    assert time is not None and time.attrib == {
        "datetime": "2026-11-22T23:30:00.123456Z", "title": "23 Nov 2026, 00:30:00",
    }  # fmt: skip
    assert [a.get("href") for a in second.iter("a")] == [
        f"../runs/{other.flow_run_id}/logs?line={other.id}#L{other.id}", f"../task-runs/{other.task_run_id}",
    ]  # fmt: skip
    moment = second.find(".//time")
    assert moment is not None and moment.get("title") == "22 Nov 2026, 23:30:00"


def test_nothing_that_was_written_becomes_markup() -> None:
    logged = line(message=HOSTILE, name=HOSTILE)
    (alone,) = drawn(logged)
    assert "".join(alone.itertext()).strip().endswith(f"INFO{HOSTILE}{HOSTILE}")
    task = new_id()
    (named,) = drawn(line(message=f"\x1b[31m{HOSTILE}", task_run_id=task), tasks={task: HOSTILE}, q="onclick")
    assert "".join(named.itertext()).strip().endswith(f"INFO{HOSTILE}{HOSTILE}")
    assert [mark.text for mark in named.iter("mark")] == ["onclick"]
    assert {each.get("class") for each in named.iter("span")} == {"lv", "msg", "an-red"}


def test_lines_around_a_match_are_told_apart_and_a_long_one_is_cut() -> None:
    one, other = line(), line(message="x" * (LONGEST + 5))
    around, matched = drawn(one, other, context={other.id})
    assert (around.get("class"), matched.get("class")) == ("info ctx", "info")
    cut = matched.find(".//a[@class='cut']")
    assert cut is not None and cut.text == "… 5 more letters"
    assert cut.get("href") == f"../runs/{other.flow_run_id}/logs?line={other.id}&download=line"
