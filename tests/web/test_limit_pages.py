"""Limits, queues and flows in the console: who holds what since when, which agents poll, how runs went."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, act


def test_who_holds_the_slots_of_a_limit_and_since_when(client: Client, clock: Clock) -> None:
    act(client, "/limits", tag="database", limit="2")
    run = makers.running_flow_run(client)
    task = makers.task_run(client, run["id"], tags=["database"], name="load-it")
    makers.propose(client, "task_runs", task["id"], "RUNNING")
    clock.now += timedelta(minutes=3)
    page = client.get("/limits", headers=HTML).text
    assert (
        f'task-runs/{task["id"]}">load-it</a> of <a href="./runs/{run["id"]}">{run["name"]}</a> since' in page
    )
    assert "1/2" in page


def test_a_limit_is_changed_reset_and_deleted(client: Client) -> None:
    act(client, "/limits", tag="database", limit="2")
    limit = client.get("/api/concurrency_limits/tag/database").json()["id"]
    assert act(client, f"/limits/{limit}/edit", limit="7").status_code == 303
    assert client.get("/api/concurrency_limits/tag/database").json()["concurrency_limit"] == 7
    assert act(client, f"/limits/{limit}/reset").status_code == 303
    act(client, f"/limits/{limit}/delete")
    assert client.get("/api/concurrency_limits/tag/database").status_code == 404


def test_named_limits_are_made_shown_and_freed(client: Client) -> None:
    assert act(client, "/limits", kind="name", tag="api-calls", limit="3").status_code == 303
    again = act(client, "/limits", kind="name", tag="api-calls", limit="3")
    assert (again.status_code, "exists already" in again.text) == (
        409 if again.status_code == 409 else 422,
        True,
    )
    client.post("/api/v2/concurrency_limits/increment-with-lease", json={"names": ["api-calls"], "slots": 2})
    page = client.get("/limits", headers=HTML).text
    assert "Named limit, asked for by code" in page and "a lease × 2 since" in page
    limit = client.get("/api/v2/concurrency_limits/api-calls").json()
    assert limit["active_slots"] == 2
    act(client, f"/limits/{limit['id']}/reset")
    assert client.get("/api/v2/concurrency_limits/api-calls").json()["active_slots"] == 0


@pytest.mark.parametrize(
    ("tag", "limit", "said", "field"),
    [
        ("database", "many", "How many at once is a whole number, zero or more.", "limit"),
        ("database", "-1", "How many at once is a whole number, zero or more.", "limit"),
        ("", "5", "A tag or a name has 1 to 255 letters.", "tag"),
    ],
)
def test_a_limit_that_makes_no_sense_keeps_what_was_typed(
    client: Client, tag: str, limit: str, said: str, field: str
) -> None:
    answer = act(client, "/limits", tag=tag, limit=limit)
    assert answer.status_code == 422
    assert f'value="{tag}"' in answer.text and f'value="{limit}"' in answer.text
    assert f"{said}</p>" in answer.text and "Expected" not in answer.text
    (wrong,) = re.findall(
        r'<input id="(\w+)"[^>]*aria-invalid="true" aria-describedby="e-limit"', answer.text
    )
    assert wrong == field


@pytest.mark.row("UI-21")
def test_a_queue_tells_which_agents_poll_it_and_which_no_longer_do(client: Client, clock: Clock) -> None:
    queue = makers.queue(client)["id"]
    client.post(f"/api/work_queues/{queue}/get_runs", json={"agent_name": "gpu-01"})
    clock.now += timedelta(minutes=5)
    client.post(f"/api/work_queues/{queue}/get_runs", json={"agent_name": "gpu-02"})
    page = client.get(f"/queues/{queue}", headers=HTML).text
    agents = page.partition('id="seen"')[2].partition("</section>")[0]
    assert "1 polling" in agents
    assert agents.index("gpu-02") < agents.index("gpu-01")
    assert 'aria-label="away"' in agents and "5 min ago" in agents


def test_flows_say_how_many_of_their_last_runs_completed(client: Client) -> None:
    flow = makers.flow(client)["id"]
    for kind in ("COMPLETED", "COMPLETED", "FAILED", "CANCELLED"):
        makers.propose(
            client, "flow_runs", makers.running_flow_run(client, flow_id=flow)["id"], kind, force=True
        )
    assert "2 of 3 completed" in client.get("/flows", headers=HTML).text
    own = client.get(f"/flows/{flow}", headers=HTML).text
    assert "2 of 3 completed" in own and own.count('class="num dur"') == 4, "each run with how long it took"


@pytest.mark.row("UI-20")
def test_a_queue_by_tags_counts_the_runs_it_would_match_before_it_is_made(client: Client) -> None:
    cron = {"cron": "0 * * * *", "timezone": "UTC"}
    gpu = makers.deployment(client, tags=["gpu"], schedules=[{"schedule": cron}])
    makers.deployment(client, tags=["cpu"], schedules=[{"schedule": cron}])
    asked = {"name": "fast", "takes": "filter", "tags": "gpu", "limit": "", "priority": "", "description": ""}
    counted = client.get("/queues/match", params=asked, headers={**HTML, "HX-Request-Type": "partial",
                                                                  "HX-Target": "p#match"}).text  # fmt: skip
    runs = client.post("/api/flow_runs/count", json={"deployments": {"id": {"any_": [gpu["id"]]}}}).json()
    assert f"<b>{runs}</b>" in counted and runs > 1
    made = act(client, "/queues", **asked)
    queue = client.get(f"/api/work_queues/{made.headers['location'].rpartition('/')[2]}").json()
    assert queue["filter"] == {"tags": ["gpu"], "deployment_ids": []}
    shown = client.get(f"/queues/{queue['id']}/edit", headers=HTML).text
    assert 'value="filter" checked' in shown and 'name="tags" type="text" value="gpu"' in shown
    act(
        client,
        f"/queues/{queue['id']}/edit",
        name="fast",
        takes="name",
        limit="",
        priority="",
        description="",
    )
    assert client.get(f"/api/work_queues/{queue['id']}").json()["filter"] is None


def test_the_settings_page_remembers_the_palette_and_tells_how_the_server_fares(client: Client) -> None:
    answer = act(client, "/settings/theme", palette="safe")
    assert answer.headers["set-cookie"].startswith("palette=safe;")
    page = client.get("/settings", headers={**HTML, "Cookie": "palette=safe"}).text
    assert '<html lang="en" data-palette="safe">' in page
    assert "no clock has beaten yet" in page
    assert "data-palette" not in client.get("/settings", headers={**HTML, "Cookie": "palette=x"}).text
    assert client.get("/health", headers={"Accept": "application/json"}).json()["facts"]["Size"]


def test_of_more_limits_and_subflows_than_a_page_holds_it_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.web.pages.limits.MOST", 2)
    monkeypatch.setattr("orion.web.pages.run.MOST_BELOW", 2)
    run = makers.running_flow_run(client)
    act(client, "/limits", tag="tag", limit="2")
    assert "The first" not in client.get("/limits", headers=HTML).text
    for number in range(3):
        act(client, "/limits", tag=f"tag-{number}", limit="2")
        task = makers.task_run(client, run["id"], key=f"task-{number}")
        makers.flow_run(client, parent_task_run_id=task["id"])
    assert "The first 2 by name are shown" in client.get("/limits", headers=HTML).text
    assert "the first 2 of 3 runs" in client.get(f"/runs/{run['id']}/subflows", headers=HTML).text
