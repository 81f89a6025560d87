"""The task runs of a run: page by page, narrowed; and a run of ten thousand."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.many import many_tasks
from tests.web.pages import HTML, World

JSON = {"Accept": "application/json"}


def test_tasks_are_searched_narrowed_sorted_and_paged(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.web.pages.run_tasks.PAGE", 4)
    run = makers.running_flow_run(client)["id"]
    for number in range(6):
        makers.task_run(
            client, run, f"key{number}", name=f"load-{number}" if number % 2 else f"read-{number}"
        )
    read = lambda query: client.get(f"/runs/{run}/tasks?{query}", headers=JSON).json()  # noqa: E731
    names = lambda query: [task["name"] for task in read(query)["tasks"]]  # noqa: E731
    assert names("q=LOAD&sort=az") == ["load-1", "load-3", "load-5"]
    assert names("state=completed") == [] and len(names("state=pending")) == 4
    first = read("sort=za")
    rest = client.get("/" + first["older"], headers=JSON).json()
    assert [task["name"] for task in first["tasks"] + rest["tasks"]] == [
        "read-4", "read-2", "read-0", "load-5", "load-3", "load-1",
    ]  # fmt: skip
    assert "No task run matches" in client.get(f"/runs/{run}/tasks?q=nothing", headers=HTML).text


def test_a_run_of_ten_thousand_tasks_is_a_page_like_any_other(full: World) -> None:
    client = full.client
    run = makers.running_flow_run(client)["id"]
    for start in range(0, 10_000, 500):
        client.app.state.store.write_now(many_tasks, run, Clock().now, range(start, start + 500))
    makers.propose(client, "flow_runs", run, "FAILED")
    sizes = {}
    for tab in ("", "/logs", "/tasks", "/radar", "/events"):
        answer = client.get(f"/runs/{run}{tab}", headers=HTML)
        assert answer.status_code == 200
        sizes[tab] = len(answer.content)
    assert max(sizes.values()) < 150_000, sizes
    page = client.get(f"/runs/{run}", headers=HTML).text
    assert "10,000" in page and "×3" in page and "failed after" in page
    assert len(re.findall(r'<svg class="row"', page)) <= 60
    assert_groups_open(client, run)


def assert_groups_open(client: Client, run: str) -> None:
    """A click on a group, on either radar or the timeline, lists its tasks; a task in it is lit with its group."""
    radar = client.get(f"/runs/{run}/radar", headers=HTML).text
    small = client.get(f"/runs/{run}", headers=HTML).text
    for page in (radar, small):
        ways = re.findall(r'<a href="([^"]*)"><title>transform ×(\d[\d,]*) · completed', page)
        assert len(ways) == 1
        group = client.get("/" + unescape(ways[0][0]).replace("../", ""), headers=JSON).json()
        assert {task["state_name"] for task in group["tasks"]} == {"Completed"}
        assert {task["name"].partition("-")[0] for task in group["tasks"]} == {"transform"}
    broken = client.get(f"/runs/{run}/tasks?of=load&state=failed", headers=JSON).json()
    assert len(broken["tasks"]) == 3 and broken["older"] is None
    rows = re.findall(r'<a href="[^"]*/tasks\?of=(\w+)" title', small)
    assert rows == ["extract", "transform", "load"]
    first = client.get(f"/runs/{run}/tasks?ring=2-3&sort=az", headers=JSON).json()
    assert (
        first["older"] == f"runs/{run}/tasks?ring=2-3&sort=az&after=" + first["older"].partition("&after=")[2]
    )
    assert first["tasks"][0]["name"] == "load-0913651b-0"
    whole = client.get(f"/runs/{run}/tasks?ring=nonsense", headers=JSON).json()
    assert whole["ungrouped"] is None
    task = broken["tasks"][0]["id"]
    focused = client.get(f"/runs/{run}/radar?task={task}", headers=HTML).text
    assert 'class="halo focus"' in focused
