"""Charts: data in, SVG out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from orion.web.charts.bars import Bar, bars, progress
from orion.web.charts.calendar import calendar, worst
from orion.web.charts.gantt import Span, Try, critical_path, depths, gantt
from orion.web.charts.history import Bucket, ceiling, history
from orion.web.charts.radar import Node, drawable, path_of, radar
from orion.web.charts.radar_layout import layout, spread
from orion.web.charts.svg import el

NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def test_text_and_attributes_are_escaped() -> None:
    markup = el("a", HOSTILE, href=HOSTILE)
    assert "<script>" not in markup
    assert parsed(markup).text == HOSTILE
    assert parsed(markup).get("href") == HOSTILE


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (3, 4), (6, 8), (9, 10), (11, 20), (41, 50), (81, 100)]
)
def test_the_axis_ends_at_a_round_number(most: int, top: int) -> None:
    assert ceiling(most) == top


def hours(*counts: dict[str, int]) -> list[Bucket]:
    return [Bucket(NOW + timedelta(hours=n - 2), each, f"runs?n={n}") for n, each in enumerate(counts)]


@pytest.mark.row("UI-06", "UI-26")
def test_failures_stand_on_the_baseline_and_are_never_too_small_to_see() -> None:
    drawn = history(hours({"completed": 999, "failed": 1}), timedelta(hours=1), NOW, "%H:%M", "Runs")
    rects = {rect.get("data-s"): rect for rect in parsed(drawn.plot).iter("rect")}
    failed, completed = rects["failed"], rects["completed"]
    assert float(failed.get("y", 0)) > float(completed.get("y", 0))
    assert float(failed.get("height", 0)) >= 1


def test_a_bar_of_the_history_leads_to_its_runs_and_says_what_it_counts() -> None:
    drawn = history(hours({}, {"failed": 2, "completed": 3}), timedelta(hours=1), NOW, "%H:%M", "Runs")
    (link,) = parsed(drawn.plot).iter("a")
    assert link.get("href") == "runs?n=1"
    assert link.findtext("title") == "2 failed, 3 completed"
    assert drawn.rows == [("13:30", "2 failed, 3 completed")]


def test_a_history_of_no_runs_has_no_numbers_beside_it() -> None:
    assert history([Bucket(NOW, {}, "x")], timedelta(minutes=30), NOW, "%H:%M", "Runs").tops == ["", "", "0"]


@pytest.mark.parametrize("day", [(3, 29), (10, 25)])
def test_now_is_a_line_where_the_present_is_on_days_of_23_and_25_hours(day: tuple[int, int]) -> None:
    noon, berlin = datetime(2026, *day, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    local = [(noon - timedelta(hours=24 - hour)).astimezone(berlin) for hour in range(36)]
    buckets = [Bucket(each, {"completed": 1}, "x") for each in local]
    drawn = history(buckets, timedelta(hours=1), noon.astimezone(berlin), "%H:%M", "Runs")
    (line,) = [line for line in parsed(drawn.plot).iter("line") if line.get("class") == "now"]
    assert float(str(line.get("x1"))) == pytest.approx(24 / 36 * 1000, abs=0.1)
    assert drawn.ticks[6] == "now" and "now" not in drawn.ticks[:6]


def test_now_is_a_line_where_the_present_is() -> None:
    drawn = history(hours({}, {}, {}, {}), timedelta(hours=1), NOW, "%H:%M", "Runs")
    (line,) = [line for line in parsed(drawn.plot).iter("line") if line.get("class") == "now"]
    assert line.get("x1") == "500"


def test_each_try_is_a_bar_and_the_wait_between_a_line() -> None:
    span = Span("a", "fetch", "completed", [Try(0, 10, "failed"), Try(40, 50, "completed")])
    (row,) = gantt([span], 100).rows
    bars_ = [
        (r.get("data-s") or r.get("class"), r.get("x"), r.get("width"))
        for r in parsed(row.chart).iter("rect")
    ]
    assert bars_ == [("failed", "0", "100"), ("wait", "100", "300"), ("completed", "400", "100")]


def test_a_bar_never_leaves_the_row_even_when_it_is_very_short() -> None:
    (row,) = gantt([Span("a", "a", "completed", [Try(100, 100, "completed")])], 100).rows
    (rect,) = parsed(row.chart).iter("rect")
    assert float(rect.get("x", 0)) + float(rect.get("width", 0)) <= 1000


def test_a_task_that_never_ran_has_a_stub() -> None:
    (row,) = gantt([Span("a", "a", "pending")], 10).rows
    assert 'class="ghost"' in row.chart


def test_the_critical_path_follows_whoever_ended_last() -> None:
    spans = [
        Span("quick", "quick", "completed", [Try(0, 1, "completed")]),
        Span("slow", "slow", "completed", [Try(0, 9, "completed")]),
        Span("join", "join", "completed", [Try(9, 12, "completed")], ["quick", "slow"]),
        Span("aside", "aside", "completed", [Try(0, 5, "completed")]),
    ]
    assert critical_path(spans) == ["slow", "join"]
    assert gantt(spans, 12).critical_seconds == 12


def test_over_sixty_rows_tasks_of_one_name_share_a_row_but_failed_ones_stand_alone() -> None:
    many = [Span(str(n), f"fetch-{n}", "completed", [Try(n, n + 1, "completed")]) for n in range(95)]
    rows = gantt([*many, Span("x", "fetch-95", "failed", [Try(3, 4, "failed")])], 100).rows
    assert sorted((row.span.name, row.span.size) for row in rows) == [("fetch", 95), ("fetch-95", 1)]


def test_depth_is_the_longest_way_from_a_root_and_a_circle_does_not_hang() -> None:
    assert depths({"a": [], "b": ["a"], "c": ["a", "b"]}) == {"a": 1, "b": 2, "c": 3}
    assert set(depths({"a": ["b"], "b": ["a"]})) == {"a", "b"}


def test_depth_of_a_long_chain_needs_no_deep_stack() -> None:
    chain = {str(n): [str(n - 1)] if n else [] for n in range(5000)}
    assert depths(chain)["4999"] == 5000


@pytest.mark.row("UI-13")
def test_the_radar_puts_each_task_on_the_ring_of_its_depth() -> None:
    upstream = {"a": [], "b": [], "c": ["a"], "d": ["c", "b"]}
    places = layout(upstream, depths(upstream))
    radii = {id: round(math.hypot(*place)) for id, place in places.items()}
    assert radii == {"a": 42, "b": 42, "c": 72, "d": 102}


def test_neighbours_on_a_ring_are_pushed_apart() -> None:
    angles = spread({"a": 0.0, "b": 0.01, "c": 0.02}, 0.3)
    ordered = sorted(angles.values())
    assert all(after - before >= 0.299 for before, after in pairwise(ordered))


def test_a_radar_of_few_rings_is_not_blown_up() -> None:
    chain = [Node(str(at), "n", "completed", (str(at - 1),) if at else ()) for at in range(9)]
    def width(many: int, full: bool) -> float:
        return float(str(parsed(radar(chain[:many], "completed", full=full)).get("viewBox")).split()[2])

    assert (width(1, False), width(1, True)) == (300, 400)
    assert width(9, False) == width(9, True) > 400


def test_the_number_of_a_ring_stands_where_no_task_does() -> None:
    chain = [Node("a", "a", "completed"), Node("b", "b", "completed", ("a",)), Node("c", "c", "completed", ("b",))]
    drawn = parsed(radar(chain, "completed"))
    tasks = [(float(each.get("cx", 0)), float(each.get("cy", 0))) for each in drawn.iter() if each.get("data-s")]
    numbers = [each for each in drawn.iter() if each.get("class") == "d"]
    assert [each.text for each in numbers] == ["2", "3"]
    for each in numbers:
        at = float(each.get("x", 0)), float(each.get("y", 0))
        assert min(math.dist(at, task) for task in tasks) > 12


def test_the_radar_names_what_failed_and_marks_the_way_into_it() -> None:
    nodes = [
        Node("a", "load", "completed"),
        Node("b", HOSTILE, "failed", ["a"]),
        Node("c", "send", "pending", ["b"]),
    ]
    drawn = parsed(radar(nodes, "failed"))
    assert HOSTILE[:23] in "".join(text.text or "" for text in drawn.iter("text"))
    assert [path.get("class") for path in drawn.iter("path")] == ["edge", "edge dim", "edge hot"]
    assert drawn.get("aria-label", "").endswith("failed; 1 not run")


def test_the_focus_lights_its_own_path_and_dims_the_rest() -> None:
    nodes = [Node("a", "a", "completed"), Node("b", "b", "completed", ["a"]), Node("z", "z", "completed")]
    assert path_of(nodes, "a") == {"a", "b"}
    drawn = parsed(radar(nodes, "completed", focus="a"))
    dimmed = [a.findtext("title") for a in drawn.iter("a") if "off" in str(a[1].get("class"))]
    assert dimmed == ["z · completed"]


def test_a_mapped_thousand_becomes_one_node() -> None:
    nodes = [Node(str(n), f"fetch-{n}", "completed") for n in range(999)] + [
        Node("j", "join", "running", ["1", "2"])
    ]
    assert [(node.name, len(node.upstream)) for node in drawable(nodes)] == [("fetch ×999", 0), ("join", 1)]


@pytest.mark.row("UI-15")
def test_bars_show_the_newest_runs_at_the_right_and_the_usual_time_as_a_line() -> None:
    drawn = parsed(bars([Bar("failed", 5), Bar("completed", 10, "runs/1")], slots=3, usual=5))
    assert [rect.get("x") for rect in drawn.iter("rect")] == ["10", "20"]
    assert [line.get("y1") for line in drawn.iter("line")] == ["12"]
    assert drawn.get("aria-label") == "Last 2 runs: 1 completed, 1 failed"


def test_progress_leaves_what_has_not_begun_empty() -> None:
    drawn = parsed(progress({"completed": 1, "running": 1, "pending": 2}))
    assert [(rect.get("data-s"), rect.get("x")) for rect in drawn.iter("rect")] == [
        ("completed", "0"),
        ("running", "25"),
    ]


def test_the_calendar_shows_the_worst_of_a_day_and_ends_today() -> None:
    today = date(2026, 11, 22)
    drawn = parsed(calendar({today: "failed"}, today))
    rects = list(drawn.iter("rect"))
    assert rects[-1].get("data-s") == "failed"
    assert len(rects) == 20 * 7
    assert worst({"completed", "crashed"}) == "crashed"


def test_no_chart_needs_script_or_style() -> None:
    drawn = radar([Node("a", "a", "running")], "running") + bars([Bar("failed", 1)], slots=1)
    assert " style=" not in drawn and "<script" not in drawn and " on" not in drawn.replace(" on ", "")


def test_of_many_failures_only_the_first_have_rows_of_their_own() -> None:
    spans = [Span(f"{n}", f"load-{n}", "failed", [Try(n, n + 1, "failed")]) for n in range(5_000)]
    rows = gantt([*spans, Span("x", "read-0", "completed", [Try(0, 9, "completed")])], 6_000).rows
    assert len(rows) == 22
    assert [(row.span.name, row.span.look, row.span.size) for row in rows if row.span.size > 1] == [
        ("load", "failed", 4_980)
    ]
