"""The example from click to Completed: a server, its agent, the example's deployments, and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.servers import CHECKOUT, OrionServer, serving

pytestmark = pytest.mark.browser
EXAMPLE = CHECKOUT / "examples" / "weather" / "deployment.yaml"
MINUTES = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("home"), "--agent", "--apply", str(EXAMPLE)) as started:
        yield started


@pytest.mark.row("UI-10", "UI-17")
def test_run_on_the_deployments_list_leads_to_a_completed_run_with_its_tasks_and_logs(
    page: Page, server: OrionServer
) -> None:
    page.goto(f"{server.url}/deployments")
    page.locator(".run.dep", has_text="ad-hoc").get_by_role("button", name="Run").click()
    page.get_by_role("status").filter(has_text="Started").get_by_role("link", name="Open").click()
    expect(page.locator(".head .badge")).to_have_text("Completed", timeout=2 * MINUTES)

    run = server.get(f"/flow_runs/{page.url.rpartition('/')[2]}").json()
    lines = server.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}}).json()
    tasks = server.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}}).json()
    assert lines and tasks
    page.reload()
    expect(page.locator("#log li")).to_have_count(len(lines))
    page.get_by_role("link", name="Task runs").click()
    expect(page.locator(".run.task b")).to_have_count(len(tasks))
