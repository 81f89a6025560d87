"""A click right after typing is never lost, in any form that is drawn again while somebody types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def finger_on(page: Page, button: Locator) -> Iterator[None]:
    """Between pressing a button and letting go, the form as the server would draw it arrives."""
    page.evaluate("document.documentElement.style.overflowAnchor = 'none'")  # as where nothing holds the place
    button.scroll_into_view_if_needed()
    button.hover()
    with page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
        page.mouse.down()
    yield
    page.mouse.up()


@pytest.fixture
def deployment(console: Console) -> str:
    return f"{console.url}/deployments/{console.seeded.deployments['nightly-warehouse-load/prod']}"


def test_a_run_starts(narrow: Page, deployment: str) -> None:
    narrow.goto(deployment)
    form = narrow.locator("#form")
    form.get_by_role("textbox", name="schema").fill(LONG)
    with finger_on(narrow, form.get_by_role("button", name="Run", exact=True).last):
        expect(form.locator(".cli code")).not_to_contain_text(LONG)
    expect(narrow.locator(".head .badge").first).to_have_text("Scheduled")


def test_a_deployment_is_saved(narrow: Page, deployment: str) -> None:
    narrow.goto(f"{deployment}/edit")
    form = narrow.locator("#form")
    rule = form.get_by_role("textbox", name=re.compile("^rule")).first
    rule.fill("not a rule")
    rule.blur()
    expect(form.locator(".fires li")).to_have_count(0)
    rule.fill("1 2 * * *")
    with finger_on(narrow, form.get_by_role("button", name="Save", exact=True).last):
        expect(form.locator(".fires li")).to_have_count(0)
    expect(narrow.locator("#schedule")).to_contain_text("1 2 * * *")


def test_a_backfill_is_made_of_a_range_that_was_wrong_a_moment_ago(narrow: Page, deployment: str) -> None:
    narrow.goto(f"{deployment}/backfill?step=day&start=2025-03-05T00:00:00&end=2025-03-01T00:00:00")
    form = narrow.locator("#form")
    expect(form.get_by_role("alert")).to_contain_text("ends before it begins")
    form.locator("#start").evaluate("field => field.value = '2025-02-27T00:00:00'")  # nothing is drawn again yet
    form.get_by_role("button", name=re.compile("^Make")).click()
    expect(narrow).to_have_url(re.compile("tag=backfill"))
