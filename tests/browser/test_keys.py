"""The keyboard alone: Tab comes to everything on every page, in order and in sight; j and k go through every list."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, Console
from tests.browser.places import everywhere

pytestmark = pytest.mark.browser
SIZES = [(1280, 900), (390, 844)]
ENDLESS = "/docs"  # a thousand links of one kind
MORE = 60  # parts of dates and times, each of which is a stop of its own

STOPS = """() => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
  const group = e => all.filter(o => o.type == 'radio' && o.form == e.form && o.name == e.name)
  const rests = e => e.type == 'radio' && !e.checked && (group(e).some(o => o.checked) || group(e)[0] != e)
  return all.filter(e => e.tabIndex >= 0 && !e.disabled && !rests(e))
    .filter(e => e.checkVisibility({ visibilityProperty: true }))
}"""
WATCH = """() => {
  window.walked = []
  addEventListener('focusin', ({ target: e }) => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect(), faults = []
    const within = (low, size, most) => Math.min(Math.max(low + size / 2, 0), most - 1)
    const x = within(box.left, box.width, innerWidth), y = within(box.top, box.height, innerHeight)
    const top = document.elementFromPoint(x, y)
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) faults.push('not to be seen')
    if (!e.closest('svg') && (box.width < 2 || box.height < 2)) faults.push('without size')
    if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) faults.push('out of sight')
    const beside = top?.closest('svg a') && top.closest('svg') == e.closest('svg')  // marks of a drawing may overlap
    if (top && !beside && !e.contains(top) && !top.contains(e)) faults.push('covered by ' + top.outerHTML.slice(0, 60))
    if (style.outlineStyle == 'none' || parseFloat(style.outlineWidth) < 2) faults.push('without a ring')
    walked.push([e, faults.map(fault => `${fault}: ${e.outerHTML.slice(0, 120)}`)])
  })
}"""
ROUND = "walked.findLastIndex(([e]) => e == walked[0][0]) > 0"
WALKED = f"""() => {{
  const stops = ({STOPS})()
  const way = walked.slice(0, walked.findIndex(([e], at) => at && e == walked[0][0]))
  return [stops.length, way.map(([e]) => stops.indexOf(e)), way.flatMap(([, faults]) => faults)]
}}"""


def walk(page: Page, key: str = "Tab") -> list[str]:
    """What is wrong with the way of a key through the page that is open, until it comes to where it began."""
    page.evaluate(WATCH)
    while not page.evaluate(ROUND):
        number = page.evaluate(f"({STOPS})().length")
        if page.evaluate("walked.length") > number + MORE:
            return ["it never comes round"]
        for _ in range(max(number + 2 - page.evaluate("walked.length"), 1)):
            page.keyboard.press(key)
    number, order, wrong = page.evaluate(WALKED)
    way = order if key == "Tab" else order[::-1]
    first = way.index(0) if 0 in way else 0
    if way[first:] + way[:first] != list(range(number)):
        wrong.append(f"of {number} stops it goes to {order}")
    return list(wrong)


@pytest.fixture(scope="module")
def furnished(console: Console) -> Console:
    """A server that has something for each list."""
    run = console.seeded.runs["cobalt-heron"]
    with httpx.Client(base_url=f"{console.url}/api") as api:

        def made(where: str, **body: Any) -> Any:
            return api.post(where, json=body).raise_for_status().json()

        for tag in ("database", "gpu"):
            made("/concurrency_limits/", tag=tag, concurrency_limit=3)
            made("/variables/", name=f"for_{tag}", value=tag)
            made("/artifacts/", key="report", type="markdown", data=tag, flow_run_id=run)
        kind = api.get("/block_types/slug/slack-webhook").json()["id"]
        (schema,) = made("/block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind]}})
        url = {"url": "https://hooks.slack.com/services/x"}
        ids = {"block_type_id": kind, "block_schema_id": schema["id"]}
        block = made("/block_documents/", name="oncall", data=url, **ids)["id"]
        for states in (["Failed"], ["Crashed"]):
            policy = {"is_active": True, "state_names": states, "tags": [], "block_document_id": block}
            made("/flow_run_notification_policies/", **policy)
    return console


def window(browser: Browser, width: int, height: int) -> Page:
    """A window of a size, in which lists do not grow while they are walked."""
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.set_default_timeout(PATIENCE)
    page.route("**/*more=1*", lambda route: route.abort())
    return page


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_tab_comes_to_everything_in_order_and_in_sight(
    browser: Browser, furnished: Console, width: int, height: int
) -> None:
    page, wrong = window(browser, width, height), {}
    for address in everywhere(furnished):
        if address != ENDLESS:
            page.goto(furnished.url + address)
            if said := walk(page):
                wrong[address] = said
    page.context.close()
    assert wrong == {}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_menu_is_wide_enough_for_words_and_in_sight(
    browser: Browser, furnished: Console, width: int, height: int
) -> None:
    page, opened, wrong = window(browser, width, height), 0, {}
    for address in everywhere(furnished):
        page.goto(furnished.url + address)
        menus = page.locator("main details[name=menu]")
        for at in range(min(menus.count(), 3)):
            menus.nth(at).locator("summary").first.click()
            box = menus.nth(at).locator(".drop").bounding_box()
            opened += 1
            if not box or box["width"] < 190 or box["x"] < 0 or box["x"] + box["width"] > width:
                wrong[address, at] = box
            page.keyboard.press("Escape")
    page.context.close()
    assert wrong == {} and opened > 20


def test_the_way_back_and_the_bar_of_ticked_runs_hide_nothing_either(
    browser: Browser, furnished: Console
) -> None:
    page = window(browser, *SIZES[1])
    for address in ("/runs", f"/runs/{furnished.seeded.runs['silver-ibex']}", "/blocks/catalog"):
        page.goto(furnished.url + address)
        assert walk(page, "Shift+Tab") == [], address
    page.goto(f"{furnished.url}/runs")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar", name="Bulk actions")).to_be_visible()
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    page.locator("body").evaluate("body => getSelection().collapse(body, 0)")  # Tab begins there again
    assert walk(page) == []
    page.context.close()


def test_the_first_link_leads_past_the_navigation(page: Page, furnished: Console) -> None:
    for address in ("/runs", "/settings", "/nothing"):
        page.goto(furnished.url + address)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null"), address


def test_j_and_k_go_through_every_list_and_enter_opens_its_row(page: Page, furnished: Console) -> None:
    run = furnished.seeded.runs["cobalt-heron"]
    opens = {
        "/flows": "/flows/", "/deployments": "/deployments/", "/queues": "/queues/", "/blocks": "/blocks/",
        "/blocks/catalog": "/blocks/catalog/", "/blocks/catalog/slack-webhook": "/blocks/", "/variables": "/variables/",
        "/artifacts": "/artifacts/key/", "/artifacts/key/report": "/artifacts/", "/search?q=o": "/",
        f"/runs/{run}/tasks": "/task-runs/", f"/runs/{run}/artifacts": "/artifacts/", "/runs": "/runs/",
        f"/runs/compare?b={run}": "/runs/compare",
    }  # fmt: skip
    for address, where in opens.items():
        page.goto(furnished.url + address)
        rows = page.locator(".runs>:not(.day)")
        for key, at in (("j", 0), *([("j", 1), ("k", 0)] if rows.count() > 1 else [])):
            page.keyboard.press(key)
            assert rows.nth(at).evaluate("row => row.contains(document.activeElement)"), (address, key)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"^{re.escape(furnished.url + where)}."))
        assert page.url != furnished.url + address
    for address, name in (("/limits", "Limit gpu"), ("/notifications", "More for policy 2")):
        page.goto(furnished.url + address)
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("details[open] > summary")).to_have_attribute("aria-label", name)
        page.keyboard.press("Escape")
        page.keyboard.press("k")
        assert page.locator(".runs>:not(.day)").first.evaluate("row => row.contains(document.activeElement)")


def test_no_line_of_a_chart_covers_the_bar_that_it_crosses(browser: Browser, furnished: Console) -> None:
    page = window(browser, *SIZES[0])
    page.goto(f"{furnished.url}/runs")
    met = page.locator(".chart line.now").evaluate("""line => {
      const box = line.getBoundingClientRect(), met = new Set()
      for (let x = box.left - 1; x <= box.right + 1; x += .1)
        for (let y = box.top; y < box.bottom; y += .5)
          document.elementsFromPoint(x, y).forEach(each => met.add(each.localName))
      return [...met]
    }""")
    assert "rect" in met and "line" not in met
    page.context.close()
