"""What the charts of a big run are drawn from: made once when the run has ended, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orion.store import console
from orion.web.factory import build_app
from orion.web.pages import outline, timeline
from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.many import many_tasks
from tests.web.pages import HTML

TABS = ("", "?sort=slowest", "?sort=critical", "/radar", "/radar?show=failed")


@pytest.fixture
def big(client: Client, store: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> str:
    """A failed run of a few tasks, which counts as big."""
    monkeypatch.setattr(outline, "BIG", 10)
    run = makers.running_flow_run(client)["id"]
    store.write_now(many_tasks, run, clock.now, range(980, 1_010))
    makers.propose(client, "flow_runs", run, "FAILED")
    return str(run)


def pages(client: Client, run: str) -> list[str]:
    """What a browser is shown of a run's charts."""
    answers = [client.get(f"/runs/{run}{tab}", headers=HTML) for tab in TABS]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.text for answer in answers]


def fresh(client: Client, run: str) -> list[str]:
    """The same from a server that has not been asked before."""
    state = client.app.state
    other = Client(build_app(state.settings, state.store, services=False, clock=state.clock))
    shown = pages(other, run)
    other.close()
    return shown


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose tasks are all read."""
    seen: list[str] = []
    real = console.sketches

    def noting(conn: Any, run: str) -> Any:
        seen.append(run)
        return real(conn, run)

    monkeypatch.setattr(console, "sketches", noting)
    return seen


def test_the_tasks_of_an_ended_run_are_read_once_and_shown_alike_ever_after(
    client: Client, big: str, reads: list[str]
) -> None:
    first = pages(client, big)
    assert reads == [big]
    assert pages(client, big) == first == fresh(client, big)


def test_whatever_changes_is_shown_at_once(client: Client, clock: Clock, big: str) -> None:
    chosen = {"flow_runs": {"id": {"any_": [big]}}}
    task, other = (each["id"] for each in client.post("/api/task_runs/filter", json=chosen).json()[3:5])
    changes: list[Callable[[], Any]] = [
        lambda: client.patch(f"/api/task_runs/{task}", json={"name": "by another name"}),
        lambda: makers.propose(client, "task_runs", task, "CRASHED", force=True),
        lambda: makers.task_run(client, big, name="one more"),
        lambda: client.delete(f"/api/task_runs/{other}"),
        lambda: makers.propose(client, "flow_runs", big, "RUNNING", force=True),
    ]
    for change in changes:
        before = pages(client, big)
        clock.now += timedelta(seconds=1)
        change()
        after = pages(client, big)
        assert after == fresh(client, big)
        assert all(one != other for one, other in zip(before, after, strict=True))


def test_of_a_big_run_that_goes_on_only_what_has_changed_is_read(
    client: Client, store: Any, clock: Clock, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is drawn as if all were read; but a task that is gone is found by reading all."""
    monkeypatch.setattr(outline, "BIG", 10)
    run = makers.running_flow_run(client)["id"]
    store.write_now(many_tasks, run, clock.now, range(980, 1_010))
    store.write_now(lambda conn: conn.run("UPDATE task_run SET total_run_time = 0"))  # as long as their one stretch
    drawn: list[int] = []
    real = timeline.spans
    monkeypatch.setattr(timeline, "spans", lambda tasks, *args: drawn.append(len(tasks)) or real(tasks, *args))
    going = makers.task_run(client, run, name="going on", state={"type": "RUNNING"})["id"]
    pages(client, run)
    assert reads == [run]
    chosen = {"flow_runs": {"id": {"any_": [run]}}}
    task, other, third = (each["id"] for each in client.post("/api/task_runs/filter", json=chosen).json()[3:6])
    changes: list[tuple[Callable[[], Any], int]] = [
        (lambda: None, 0),
        (lambda: client.patch(f"/api/task_runs/{task}", json={"name": "by another name"}), 0),
        (lambda: makers.propose(client, "task_runs", third, "CRASHED", force=True), 0),
        (lambda: makers.propose(client, "task_runs", going, "COMPLETED"), 0),
        (lambda: makers.task_run(client, run, name="one more"), 0),
        (lambda: makers.flow_run(client, parent_task_run_id=task), 0),
        (lambda: client.delete(f"/api/task_runs/{other}"), 1),
    ]
    for change, most in changes:
        clock.now += timedelta(seconds=1)
        change()
        reads.clear()
        after = pages(client, run)
        assert len(reads) == most
        assert max(drawn[-len(TABS) :]) <= (2 if most == 0 else 31)
        assert after == fresh(client, run)


def test_a_subflow_of_a_task_is_shown_at_once(client: Client, big: str) -> None:
    pages(client, big)
    task = client.post("/api/task_runs/filter", json={"flow_runs": {"id": {"any_": [big]}}}).json()[3]["id"]
    makers.flow_run(client, parent_task_run_id=task)
    assert pages(client, big) == fresh(client, big)


def test_what_goes_on_or_is_small_or_far_too_large_is_not_kept(
    client: Client, store: Any, clock: Clock, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    going, small = (makers.running_flow_run(client)["id"] for _ in range(2))
    for run in (going, small):
        store.write_now(many_tasks, run, clock.now, range(20))
    makers.propose(client, "flow_runs", small, "COMPLETED")
    for run in (going, small) * 2:
        pages(client, run)
    assert len(reads) == 4 * len(TABS)
    monkeypatch.setattr(outline, "BIG", 10)
    monkeypatch.setattr(outline, "LARGEST", 15)
    pages(client, going)
    assert len(reads) == 5 * len(TABS)


def test_the_tasks_of_the_runs_drawn_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MOST_DRAWN", 2)
    kept, drawn = outline.Outlines(), outline.Drawn(None, frozenset(), [], [])
    for run in ("a", "b", "a", "c"):
        kept.draw(run, drawn)
    assert [kept.drawn(run) for run in ("a", "b", "c")] == [drawn, None, drawn]


def test_only_the_outlines_asked_for_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MOST", 2)
    kept, made = outline.Outlines(), outline.Outline(None, [], {}, [], {})  # type: ignore[arg-type]  # no plan is drawn
    for run in ("a", "b"):
        kept.keep(run, (1,), made)
    assert kept.get("a", (1,)) is made
    kept.keep("c", (1,), made)
    assert kept.get("b", (1,)) is None and kept.get("a", (1,)) is made
    assert kept.get("a", (2,)) is None and kept.get("a", (1,)) is None


@pytest.mark.parametrize("tab", [*TABS, "/radar?find=extract-330", "/logs"])
def test_subflows_are_read_once_a_page(
    client: Client, big: str, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    """For the number of its tab and for its charts: each task run is looked up for it."""
    seen: list[str] = []
    real = console.children

    def noting(conn: Any, run: str) -> Any:
        seen.append(run)
        return real(conn, run)

    monkeypatch.setattr(console, "children", noting)
    assert client.get(f"/runs/{big}{tab}", headers=HTML).status_code == 200
    assert seen == [big]
