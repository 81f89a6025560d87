"""A click right after typing is never lost: forms are drawn again while a finger is down, and what it is on moves away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE, Console

pytestmark = pytest.mark.browser
LONG = "x" * 200


@pytest.fixture(scope="module")
def narrow(browser: Browser) -> Iterator[Page]:
    """One narrow window for all forms: there the most moves."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def press(page: Page, button: Locator) -> float:
    """Put the finger on a button, and say how high it stands."""
    page.evaluate("document.documentElement.style.overflowAnchor = 'none'")  # as where nothing holds the place
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    return box["y"]


def release(page: Page, button: Locator, was: float) -> None:
    """Lift it again, where the button is no more."""
    box = button.bounding_box()
    assert box is not None and abs(box["y"] - was) > box["height"], "nothing moved: this proves nothing"
    page.mouse.up()


@pytest.fixture
def deployment(console: Console) -> str:
    return f"{console.url}/deployments/{console.seeded.deployments['nightly-warehouse-load/prod']}"


def test_a_run_starts(narrow: Page, deployment: str) -> None:
    narrow.goto(deployment)
    form = narrow.locator("#form")
    form.get_by_role("textbox", name="schema").fill(LONG)
    was = press(narrow, button := form.get_by_role("button", name="Run", exact=True).last)
    expect(form.locator(".cli code")).to_contain_text(LONG)
    release(narrow, button, was)
    expect(narrow.locator(".head .badge").first).to_have_text("Scheduled")


def test_a_deployment_is_saved(narrow: Page, deployment: str) -> None:
    narrow.goto(f"{deployment}/edit")
    form = narrow.locator("#form")
    rule = form.get_by_role("textbox", name=re.compile("^rule")).first
    rule.fill("not a rule")
    rule.blur()
    expect(form.locator(".fires li")).to_have_count(0)
    rule.fill("1 2 * * *")
    was = press(narrow, button := form.get_by_role("button", name="Save", exact=True).last)
    expect(form.locator(".fires li")).to_have_count(10)
    release(narrow, button, was)
    expect(narrow.locator("#schedule")).to_contain_text("1 2 * * *")


def test_a_backfill_is_made(narrow: Page, deployment: str) -> None:
    narrow.goto(f"{deployment}/backfill?step=week")
    form = narrow.locator("#form")
    form.get_by_label("a run for").select_option("hour")
    was = press(narrow, button := form.get_by_role("button", name=re.compile("^Make")))
    expect(form.locator(".fires li")).to_have_count(60)
    release(narrow, button, was)
    expect(narrow).to_have_url(re.compile("tag=backfill"))


def test_a_line_of_the_log_opens_though_the_search_left_it_out(narrow: Page, console: Console) -> None:
    narrow.goto(f"{console.run('cobalt-heron')}/logs")
    line = narrow.locator("#log .at").last
    narrow.get_by_role("searchbox").fill("no line has this")
    press(narrow, line)
    expect(narrow.locator("#lines")).to_contain_text("No line matches")
    narrow.mouse.up()
    expect(narrow).to_have_url(re.compile("line="))
