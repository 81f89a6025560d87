"""A person's day in the console: run with a form, see it fail, find out why, mend, retry; schedule, pause, limit, tell
somebody, delete. Wide and light, narrow and dark, and once without scripts; one server and its agent for all three."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.servers import OrionServer, eventually, serving

pytestmark = pytest.mark.browser
PATIENCE = 120_000
FLOW = """
from pathlib import Path
from orion import flow, task

@task
def count(amount: int) -> int:
    print(f"counting {amount}")
    return amount

@flow(log_prints=True)
def stock(amount: int, shelf: str) -> int:
    found = count(amount)
    if not Path(shelf).exists():
        raise RuntimeError("the shelf is empty")
    return found
"""
DAYS = [
    pytest.param("wide", 1280, "light", True, id="wide-light"),
    pytest.param("narrow", 390, "dark", True, id="narrow-dark"),
    pytest.param("plain", 1280, "light", False, id="without-scripts"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a flow, and three deployments of it."""
    home = tmp_path_factory.mktemp("day")
    (home / "stock.py").write_text(FLOW)
    parts = [
        f"name: {name}\nwork_queue_name: default\npath: {home}\nentrypoint: stock.py:stock\n"
        f"parameters: {{shelf: {home / name}}}\n"
        for name in ("wide", "narrow", "plain")
    ]
    (home / "stock.yaml").write_text("---\n".join(parts))
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[OrionServer]:
    with serving(home, "--agent", "--apply", str(home / "stock.yaml")) as started:
        make_block(started)
        yield started


def make_block(server: OrionServer) -> None:
    """Something that can be told."""
    kind = server.get("/block_types/slug/slack-webhook").json()
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    (schema, *_) = server.post("/block_schemas/filter", wanted).json()
    ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    data = {"url": "http://127.0.0.1:9/hook"}
    assert server.post("/block_documents/", {**ids, "name": "oncall", "data": data}).status_code == 201


def until(page: Page, state: str, scripts: bool) -> None:
    """Wait for a state of the run whose page is open; without scripts by asking again."""
    badge = page.locator(".head .badge").first
    if scripts:
        expect(badge).to_have_text(state, timeout=PATIENCE)
        return

    def there() -> bool:
        try:
            page.reload()
            return badge.inner_text().strip() == state
        except Error:  # the page was on its way elsewhere
            return False

    eventually(there, PATIENCE / 1000)


@pytest.mark.parametrize(("name", "width", "theme", "scripts"), DAYS)
def test_a_day_in_the_console(
    browser: Browser, server: OrionServer, home: Path, name: str, width: int, theme: str, scripts: bool
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        java_script_enabled=scripts,
    )
    context.set_default_timeout(PATIENCE / 2)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{server.url}/deployments")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    deployment = page.url
    fail_and_mend(page, home / name, scripts)
    page.goto(deployment)
    schedule_and_pause(page)
    limit_and_tell(page, server, name)
    page.goto(deployment)
    page.get_by_label("More actions").click()
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page).to_have_url(f"{server.url}/deployments")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    assert server.get(f"/deployments/{deployment.rpartition('/')[2]}").status_code == 404
    assert broken == []
    context.close()


def fail_and_mend(page: Page, shelf: Path, scripts: bool) -> None:
    """Run with a form that is wrong at first, see why the run fails, mend it and try again."""
    form = page.locator("#form")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(form).to_contain_text("It is required.")
    form.get_by_role("spinbutton", name=re.compile("^amount")).fill("3")
    form.get_by_role("button", name="Run", exact=True).click()
    until(page, "Failed", scripts)
    run = page.url
    expect(page.get_by_role("region", name="What failed")).to_contain_text("the shelf is empty")
    page.get_by_role("navigation", name="Run").get_by_role("link", name=re.compile("^Logs")).click()
    expect(page.locator("#log")).to_contain_text("counting 3")
    shelf.touch()
    page.goto(run)
    page.get_by_role("button", name=re.compile("^Retry")).first.click()
    until(page, "Completed", scripts)


def schedule_and_pause(page: Page) -> None:
    """Give the deployment a schedule, see when it will run, and switch it off."""
    page.get_by_role("link", name="Edit", exact=True).first.click()
    page.get_by_role("button", name="Add a schedule").click()
    expect(page.locator(".fires li")).to_have_count(10)
    page.get_by_role("textbox", name=re.compile("^rule")).fill("30 4 * * *")
    page.get_by_role("button", name="Save", exact=True).click()
    schedule = page.locator("#schedule")
    expect(schedule).to_contain_text("30 4 * * *")
    expect(schedule.locator(".next li")).to_have_count(10)
    switch = page.get_by_role("switch", name="Schedule", exact=True)
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()


def limit_and_tell(page: Page, server: OrionServer, name: str) -> None:
    """Set a limit, and have somebody told of failed runs."""
    page.goto(f"{server.url}/limits")
    page.get_by_label("tag or name").fill(f"shelf-{name}")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#limits")).to_contain_text(f"shelf-{name}")
    page.goto(f"{server.url}/notifications")
    page.get_by_label(re.compile("^Tags")).fill(f"shelf-{name}")
    page.get_by_role("button", name="Save policy").click()
    expect(page.locator("#list")).to_contain_text(f"shelf-{name}")
