"""Every page before axe-core, the accessibility checker: WCAG 2.2 A and AA; the main ones also dark and narrow.

`ORION_TEST_LOOKS=all` checks every page light and dark, wide and narrow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Console
from tests.browser.places import everywhere

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("ORION_TEST_AXE") or ROOT / "build/axe/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [("light", 1280)]
ALSO = [("dark", 390), ("dark", 1280), ("light", 390)]
EVERY_LOOK = os.environ.get("ORION_TEST_LOOKS") == "all"  # every page in every look takes four minutes

needs_axe = pytest.mark.skipif(
    not AXE.exists(), reason="axe-core is not there: sh scripts/axe.sh, which needs npm"
)


def faults(page: Page) -> list[str]:
    """What axe finds on the page that is open: rule and element."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"
        ".then(found => found.violations)",
        RULES,
    )
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]


def checked(
    browser: Browser, console: Console, addresses: list[str], looks: list[tuple[str, int]]
) -> dict[str, Any]:
    wrong = {}
    for theme, width in looks:
        context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
        page = context.new_page()
        for address in addresses:
            page.goto(console.url + address)
            if said := faults(page):
                wrong[f"{address} {theme} {width}"] = said
        context.close()
    return wrong


@needs_axe
def test_no_page_has_an_accessibility_fault(browser: Browser, console: Console) -> None:
    looks = [*LOOKS, *ALSO] if EVERY_LOOK else LOOKS
    assert checked(browser, console, everywhere(console), looks) == {}


@needs_axe
def test_the_other_colours_and_widths_have_none_either(browser: Browser, console: Console) -> None:
    deployment = console.seeded.deployments["nightly-warehouse-load/prod"]
    most = [
        "/runs",
        f"/runs/{console.seeded.runs['cobalt-heron']}",
        f"/deployments/{deployment}",
        "/settings",
    ]
    assert checked(browser, console, most, ALSO) == {}


@needs_axe
def test_no_empty_page_has_an_accessibility_fault(browser: Browser, empty_console: Console) -> None:
    places = ["/runs", "/flows", "/deployments", "/queues", "/limits", "/notifications", "/nothing"]
    assert checked(browser, empty_console, places, [("light", 1280)]) == {}


@needs_axe
def test_the_checker_would_see_a_fault(page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><input><img src='data:,'></main></html>")
    assert {said.partition(":")[0] for said in faults(page)} >= {"label", "image-alt"}
