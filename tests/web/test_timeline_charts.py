"""The timeline's critical path and cut gaps; what of the radar is dimmed and where its names stand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from orion.web.charts.durations import Dot, durations
from orion.web.charts.gantt import MOST_DRAWN, Span, Try, critical_path, depths, gantt
from orion.web.charts.radar import LETTER, MOST_RINGS, Box, Node, drawable, lit_of, radar
from orion.web.charts.scale import SEAM, Scale, gaps
from orion.web.pages.radar_view import RadarView
from tests.seed import Seeded
from tests.web.browser import Client
from tests.web.pages import HTML, World

HOUR = 3600.0


def spans() -> list[Span]:
    return [
        Span("a", "extract", "completed", [Try(0, 10, "completed")]),
        Span("b", "side", "completed", [Try(0, 2, "completed")]),
        Span("c", "load", "completed", [Try(10, 12, "completed")], ["a", "b"]),
    ]


def test_rows_of_the_critical_path_are_marked_and_can_be_shown_alone() -> None:
    rows = gantt(spans(), 12).rows
    assert {row.span.name: row.critical for row in rows} == {"extract": True, "side": False, "load": True}
    assert ['class="crit"' in row.chart for row in rows] == [row.critical for row in rows]
    assert [row.span.name for row in gantt(spans(), 12, "critical").rows] == ["extract", "load"]


def test_of_very_many_names_the_first_rows_are_drawn_and_all_failures() -> None:
    many = [Span(str(n), f"customer {n}", "completed", [Try(n, n + 1, "completed")]) for n in range(300)]
    drawn = gantt([*many, Span("x", "last", "failed", [Try(299, 300, "failed")])], 300)
    assert len(drawn.rows) == MOST_DRAWN and drawn.left == 301 - MOST_DRAWN
    assert [row.span.name for row in (drawn.rows[0], drawn.rows[-1])] == ["customer 0", "last"]


def test_a_radar_of_very_many_names_has_one_node_for_each_ring_and_look() -> None:
    first = [Node(f"a{n}", f"customer {n}", "completed") for n in range(300)]
    second = [Node(f"b{n}", f"bill {n}", "failed", [f"a{n}"]) for n in range(2)]
    nodes = drawable([*first, *second])
    assert [(node.name, node.look, list(node.upstream)) for node in nodes] == [
        ("customer 0 and 299 more", "completed", []),
        ("bill 0 and 1 more", "failed", ["ring=1&state=completed"]),
    ]


def test_a_radar_of_very_many_rings_has_a_few() -> None:
    chain = [Node(str(n), f"step {n}", "completed", [str(n - 1)] if n else []) for n in range(2_000)]
    nodes = drawable(chain)
    assert len(nodes) == MOST_RINGS and sum(bool(node.upstream) for node in nodes) == MOST_RINGS - 1


def test_a_critical_path_of_ten_thousand_steps_is_followed_to_its_beginning() -> None:
    chain = [
        Span(str(n), f"step {n}", "completed", [Try(n, n + 1, "completed")], [str(n - 1)] if n else [])
        for n in range(10_000)
    ]
    assert critical_path(chain) == [str(n) for n in range(10_000)]
    assert depths({span.id: span.upstream for span in reversed(chain)})["9999"] == 10_000


def test_a_group_is_on_the_critical_path_when_one_of_its_tasks_is() -> None:
    many = [Span(str(n), f"fetch-{n}", "completed", [Try(n, n + 1, "completed")]) for n in range(95)]
    (row,) = gantt(many, 95).rows
    assert row.critical


def test_a_long_gap_in_a_long_run_is_cut() -> None:
    work = [
        Span("a", "a", "completed", [Try(0, 600, "completed")]),
        Span("b", "b", "completed", [Try(4 * HOUR, 4 * HOUR + 600, "completed")]),
    ]
    plan = gantt(work, 4 * HOUR + 600)
    assert plan.cuts == [(600, 4 * HOUR)]
    widths = [
        float(re.findall(r'width="([\d.]+)"', row.chart.partition("data-s")[2])[0]) for row in plan.rows
    ]
    assert widths == [pytest.approx((1000 - SEAM) / 2, abs=0.1)] * 2
    assert all('class="seam"' in row.chart for row in plan.rows)


@pytest.mark.parametrize(
    ("busy", "seconds"),
    [([(0.0, 10.0), (3000.0, 3500.0)], 3500.0), ([(0.0, 3000.0), (3300.0, 7200.0)], 7200.0)],
    ids=["a short run", "a short gap"],
)
def test_other_gaps_stay(busy: list[tuple[float, float]], seconds: float) -> None:
    assert gaps(busy, seconds) == []


def test_a_scale_with_cuts_leads_there_and_back() -> None:
    scale = Scale(5 * HOUR, [(HOUR, 3 * HOUR), (3.5 * HOUR, 5 * HOUR)])
    for time in (0.0, 1800.0, HOUR, 2 * HOUR, 3.2 * HOUR, 5 * HOUR):
        assert scale.time(scale.x(time)) == pytest.approx(time)
    assert scale.x(3 * HOUR) - scale.x(HOUR) == pytest.approx(SEAM)


NODES = [
    Node("a", "load", "completed"),
    Node("b", "send", "failed", ["a"]),
    Node("c", "report", "pending", ["b"]),
    Node("z", "other", "completed"),
]


def test_what_is_not_dimmed_is_all_or_a_path() -> None:
    assert lit_of(NODES, "z", "path") == {"z"}
    assert lit_of(NODES, "z", "all") == {"a", "b", "c", "z"}
    assert lit_of(NODES, None, "failed") == {"a", "b", "c"}
    dimmed = [
        each
        for each in re.findall(r'class="([^"]*)"', radar(NODES, "failed", show="failed"))
        if each == "off"
    ]
    assert dimmed == ["off"]


def test_no_two_names_lie_on_each_other() -> None:
    roots = [Node(str(n), f"load_{n}", "failed") for n in range(8)]
    crowd = [*roots, *(Node(f"x{n}", f"send_{n}", "failed", [str(n)]) for n in range(8))]
    drawn = ElementTree.fromstring(radar(crowd, "failed", full=True))
    boxes = [covered(text) for text in drawn.iter("text") if "on" in str(text.get("class"))]
    assert len(boxes) >= 8
    assert [one for at, one in enumerate(boxes) for other in boxes[at + 1 :] if one.meets(other)] == []


def covered(text: ElementTree.Element) -> Box:
    """What a name on the radar covers, by how it is aligned."""
    wide, x, y = LETTER * len(text.text or ""), float(text.get("x", 0)), float(text.get("y", 0))
    side = str(text.get("class"))[-1]
    left = x if side == "s" else x - wide if side == "e" else x - wide / 2
    return Box(left, y - 7, left + wide, y + 3)


def test_a_name_that_would_stick_out_stands_inside() -> None:
    long = [Node("a", "a", "completed"), Node("b", "a_name_of_four_and_twenty", "failed", ["a"])]
    drawn = ElementTree.fromstring(radar(long, "failed"))
    left, _, width, _ = map(float, str(drawn.get("viewBox")).split())
    (box,) = [covered(text) for text in drawn.iter("text") if "on" in str(text.get("class"))]
    assert box.left >= left and box.right <= left + width


@pytest.mark.row("UI-13")
def test_the_radar_is_zoomed_by_links_that_keep_the_focus(seen: World) -> None:
    client, seeded = seen
    run, task = focused(client, seeded)
    page = client.get(f"/runs/{run}/radar?task={task}", headers=HTML).text
    assert f"radar?task={task}&amp;zoom=2" in page and "zoomed" not in page
    near = client.get(f"/runs/{run}/radar?task={task}&zoom=2", headers=HTML).text
    assert "zoomed z2" in near and f"radar?task={task}&amp;zoom=3" in near
    assert "Before it" in near
    assert (
        'aria-disabled="true" aria-label="Larger"'
        in client.get(f"/runs/{run}/radar?zoom=4", headers=HTML).text
    )


def test_the_radar_shows_the_ways_into_failures_alone(seen: World) -> None:
    client, seeded = seen
    run, _ = focused(client, seeded)
    page = client.get(f"/runs/{run}/radar", headers=HTML).text
    assert f"runs/{run}/radar?show=failed" in page
    shown = client.get(f"/runs/{run}/radar?show=failed", headers=HTML).text
    assert '"off"' in shown and '"off"' not in page


def focused(client: Client, seeded: Seeded) -> tuple[str, str]:
    run = seeded.runs["cobalt-heron"]
    (task, *_) = client.post("/api/task_runs/filter", json={"flow_runs": {"id": {"any_": [run]}}}).json()
    return run, task["id"]


def test_a_view_leaves_out_what_is_usual() -> None:
    view = RadarView("r", "t")
    assert (view.showing("path"), view.showing("all")) == (
        "runs/r/radar?task=t",
        "runs/r/radar?task=t&show=all",
    )
    assert RadarView("r").showing("all") == "runs/r/radar"
    assert (view.nearer(-1), RadarView("r", zoom=4).nearer(1)) == (None, None)


def test_durations_are_dots_over_time_along_powers_where_they_differ_much() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    dots = [
        Dot(start, 1, "completed", "runs/a", "a"),
        Dot(start + timedelta(hours=5), 10, "failed", "runs/b", "b"),
        Dot(start + timedelta(hours=10), 100, "completed", "runs/c", "c"),
    ]
    drawn = durations(dots, start, start + timedelta(hours=10), usual=10)
    places = [each.get("d") for each in ElementTree.fromstring(drawn.plot).iter("path")]
    assert places == ["M8 100.0h0.01", "M500 50.0h0.01", "M992 0.0h0.01"]
    assert [round(seconds) for seconds in drawn.tops] == [100, 10, 1]
    assert drawn.ticks[2] == start + timedelta(hours=5)
    assert 'y1="50"' in drawn.plot.partition('class="now"')[2]
    even = durations(
        [replace(dot, seconds=dot.seconds + 100) for dot in dots], start, start + timedelta(hours=10)
    )
    assert even.tops == [200, 100, 0]


def test_runs_that_took_no_time_are_drawn_and_none_is_no_fault() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    drawn = durations([Dot(start, 0, "cancelled", "runs/a", "a")], start, start)
    assert "M8 100.0h0.01" in drawn.plot
    assert durations([], start, start).tops == [1, 0.5, 0]


@pytest.mark.row("UI-16")
def test_the_flow_page_draws_durations_and_every_bar_and_dot_leads_to_its_run(seen: World) -> None:
    client, seeded = seen
    run = client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").json()
    page = client.get(f"/flows/{run['flow_id']}", headers=HTML).text
    for part in ("Durations", "Recent runs"):
        drawn = page.partition(f'aria-label="{part}"')[2].partition("</section>")[0]
        assert f'href="../runs/{run["id"]}"' in drawn, part
