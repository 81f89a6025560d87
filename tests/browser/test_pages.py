"""Every page in a real browser: its policy, its width, its requests; by keys and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from orion.model.times import utcnow
from orion.store import duties
from tests.browser.conftest import Console

pytestmark = pytest.mark.browser
SIZES = [(1280, 900), (390, 844), (320, 640)]


def addresses(console: Console) -> list[str]:
    runs, deployment = console.seeded.runs, console.seeded.deployments["nightly-warehouse-load/prod"]
    tabs = ("", "/logs", "/tasks", "/parameters", "/radar", "/events")
    return [
        "/runs", "/runs?chart=duration", "/flows", "/deployments", "/queues", "/queues/new", "/limits", "/settings",
        "/health", "/search?q=velvet",
        *(f"/runs/{runs['cobalt-heron']}{tab}" for tab in tabs), f"/runs/{runs['loyal-finch']}/subflows",
        f"/deployments/{deployment}", f"/deployments/{deployment}?view=json", "/docs",
    ]  # fmt: skip


# Plain words of up to twelve letters in tables that do not stand in one line.
BROKEN = r"""() => {
    document.querySelectorAll('details.table, .ref details').forEach(each => { each.open = true })
    const found = [], range = document.createRange()
    for (const cell of document.querySelectorAll('table.sheet :is(th, td)')) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
        for (let text; text = texts.nextNode();)
          for (const word of text.data.matchAll(/(?<![\w-])[a-z]{2,12}(?![\w-])/gi)) {
            range.setStart(text, word.index)
            range.setEnd(text, word.index + word[0].length)
            if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) found.push(word[0])
          }
    }
    return found
}"""


@pytest.mark.row("UI-27")
def test_every_page_keeps_the_content_policy_never_scrolls_sideways_and_breaks_no_words(
    page: Page, console: Console
) -> None:
    """A page is the same in every width, so it is opened once and the window is made narrower."""
    wide, broken, tables = {}, {}, 0
    for duty in ("notifications", "retention"):
        trouble = "OperationalError: another process has locked the database"
        console.store.write_now(duties.finished, duty, utcnow(), utcnow(), 1_234_567, trouble)
    with endless_names(console) as more:
        for address in [*addresses(console), *more]:
            page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
            page.goto(console.url + address)
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_function(f"innerWidth == {width}")
                if over := page.evaluate("document.documentElement.scrollWidth - innerWidth"):
                    wide[address, width] = over
                if width == 390 and (words := page.evaluate(BROKEN)):
                    broken[address] = words
            tables += page.locator("table.sheet").count()
    assert {where: over for where, over in wide.items() if over > 0} == {}
    assert broken == {} and tables > 100


@contextmanager
def endless_names(console: Console) -> Iterator[list[str]]:
    """Pages of things whose names and words no line holds; they go with their flow, as others count what is there."""
    word = "W" * 240
    with httpx.Client(base_url=f"{console.url}/api") as api:

        def made(where: str, **body: Any) -> str:
            return str(api.post(where, json=body).raise_for_status().json()["id"])

        flow = made("/flows/", name=word, tags=[word])
        takes = {"type": "object", "properties": {word: {"type": "string", "description": word}}}
        deployment = made(
            "/deployments/", name=word, flow_id=flow, path=word, parameter_openapi_schema=takes, tags=[word]
        )
        given = {"name": word, "parameters": {word: word}, "state": {"type": "PENDING"}}
        run = made("/flow_runs/", flow_id=flow, deployment_id=deployment, **given)
        made("/artifacts/", key="report", type="markdown", data=word, description=word, flow_run_id=run)
        failed = {"state": {"type": "FAILED", "name": word, "message": word}, "force": True}
        api.post(f"/flow_runs/{run}/set_state", json=failed).raise_for_status()
        made("/concurrency_limits/", tag=word, concurrency_limit=1)
        kind = api.get("/block_types/slug/webhook").json()["id"]
        of_kind = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
        (schema,) = api.post("/block_schemas/filter", json=of_kind).json()
        ids = {"block_type_id": kind, "block_schema_id": schema["id"]}
        block = made("/block_documents/", name="w" * 100, data={"url": f"https://{word}"}, **ids)
        policy = {"is_active": True, "state_names": [word], "tags": [word], "block_document_id": block}
        made("/flow_run_notification_policies/", **policy)
        other = console.seeded.runs["cobalt-heron"]
        try:
            yield [
                f"/runs/{run}",
                f"/flows/{flow}",
                f"/deployments/{deployment}",
                f"/runs/compare?a={other}&b={run}",
                f"/runs/{run}/events",
                "/limits",
                "/notifications",
                f"/blocks/{block}",
            ]
        finally:
            api.delete(f"/block_documents/{block}").raise_for_status()
            api.delete(f"/flows/{flow}").raise_for_status()


def test_every_empty_page_keeps_the_content_policy(page: Page, empty_console: Console) -> None:
    for address in ("/runs", "/flows", "/deployments", "/queues", "/limits", "/health", "/nothing"):
        page.goto(empty_console.url + address)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_the_first_page_is_few_requests_and_few_bytes(context: BrowserContext, console: Console) -> None:
    page = context.new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(f"{console.url}/runs", wait_until="load")
    files = [request for request in requests if "/events" not in request.url]
    sizes = {request.url.rpartition("/")[2]: request.sizes()["responseBodySize"] for request in files}
    assert len(files) <= 6, sizes
    assert sum(sizes.values()) <= 50_000, sizes


def test_a_reader_hears_where_things_are(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    expect(
        page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Runs")
    ).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("searchbox", name="Run name or id")).to_be_visible()
    expect(page.get_by_role("group", name=re.compile("^Runs by state"))).to_be_visible()
    expect(page.get_by_role("img", name="Failed").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


@pytest.mark.row("UI-05", "UI-08")
def test_a_filter_narrows_the_list_in_place_and_cleans_the_address(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    page.get_by_role("combobox", name="State").select_option("failed")
    expect(page.locator(".run b")).to_have_text(["cobalt-heron", "dull-anvil"])
    expect(page).to_have_url(f"{console.url}/runs?state=failed")
    page.get_by_role("searchbox").press_sequentially("cobalt")
    expect(page).to_have_url(f"{console.url}/runs?q=cobalt&state=failed")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page).to_have_url(f"{console.url}/runs")
    page.go_back()
    expect(page.locator(".run b")).to_have_text(["cobalt-heron"])


VERBS = ("Retry", "Cancel", "Delete")


def test_ticked_runs_show_the_bar_and_are_cancelled_together(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs?state=scheduled")
    bar = page.get_by_role("toolbar", name="Bulk actions")
    expect(bar).to_be_hidden()
    row = page.locator(".run", has_text="close-15-30")
    row.get_by_role("checkbox").check()
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Cancel", exact=True).click()
    expect(page).to_have_url(f"{console.url}/runs?state=scheduled")
    expect(page.get_by_role("status").filter(has_text="Cancelled 1 run")).to_contain_text("Undo for 1 run")
    expect(page.locator(".run", has_text="close-15-30")).to_have_count(0)
    page.goto(f"{console.url}/runs")
    page.get_by_role("checkbox").first.check()
    total = bar.locator(".every").inner_text().split()[1]
    bar.get_by_role("checkbox").check()
    expect(bar.get_by_role("button")).to_have_text([re.compile(f"{verb}.{total} runs") for verb in VERBS])
    expect(bar.get_by_role("button", name=f"Cancel {total} runs")).to_be_visible()


def test_keys_lead_through_the_console(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".run b").nth(1).locator("..")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(".run").nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]+$"))
    page.wait_for_load_state()  # or the key is gone before the page's script hears it
    more, opened = page.get_by_label("More actions"), page.locator("details[name=menu][open]")
    more.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy id")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    expect(more).to_be_focused()
    more.click()
    expect(opened).to_have_count(1)
    page.locator("h1").click()
    expect(opened).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url(f"{console.url}/deployments")
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.row("UI-18")
def test_the_console_works_without_scripts(browser: Browser, console: Console) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{console.url}/deployments")
    expect(page.locator(".live").first).to_be_hidden()
    page.get_by_role("link", name="prod").first.click()
    expect(page.locator("[data-copy]").first).to_be_hidden()
    page.get_by_role("button", name="Run", exact=True).last.click()
    expect(page.locator(".head .badge")).to_have_text("Scheduled")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".head .badge")).to_have_text("Cancelled")
    page.get_by_role("link", name="Parameters").click()
    expect(page.get_by_role("link", name="Parameters")).to_have_attribute("aria-current", "page")
    context.close()


def test_large_numbers_in_the_bar_do_not_stand_out_of_it(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    tally = page.locator("#nav-runs")
    shown = "t => t.innerHTML = [...t.children].map(each => each.outerHTML.replace(/>\\d+</g, '>999+<')).join('')"
    tally.evaluate(shown)
    expect(tally).to_contain_text(re.compile("999\\+.*999\\+.*999\\+", re.DOTALL))
    assert tally.evaluate("t => t.getBoundingClientRect().right <= t.parentNode.getBoundingClientRect().right - 4")
    assert tally.evaluate("t => t.scrollWidth <= t.clientWidth")


@pytest.mark.row("UI-13")
def test_a_click_on_the_radar_puts_a_task_in_focus(page: Page, console: Console) -> None:
    page.goto(f"{console.run('cobalt-heron')}/radar")
    page.locator(".radar a", has=page.locator("title", has_text="build_customer_dim")).click()
    expect(page.get_by_role("heading", name="build_customer_dim")).to_be_visible()
    expect(page.get_by_role("region", name="Before it")).to_contain_text("validate_customers")
    expect(page.get_by_role("region", name="After it")).to_contain_text("load_customer_dim")


def test_the_theme_is_remembered(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/settings")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{console.url}/runs")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 21)"


@pytest.mark.row("UI-27")
def test_a_phone_can_do_what_a_desk_can(browser: Browser, console: Console) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{console.url}/runs")
    expect(page.get_by_role("navigation", name="Main", exact=True)).to_be_hidden()
    page.get_by_label("Menu").tap()
    page.get_by_role("navigation", name="Main, compact").get_by_role("link", name="Deployments").tap()
    expect(page).to_have_url(f"{console.url}/deployments")
    page.goto(f"{console.url}/runs")
    search, plot, row = page.get_by_role("searchbox"), page.locator(".plot svg"), page.locator(".run").nth(3)
    boxes = [each.bounding_box() for each in (search, plot, row)]
    assert all(boxes)
    (searched, drawn, listed) = [box for box in boxes if box]
    assert searched["width"] > 280 and drawn["height"] < 100, "the chart is lower than on a desk"
    assert drawn["y"] < searched["y"] < listed["y"] and listed["width"] > 340
    expect(page.locator(".filters select:visible")).to_have_count(2)
    row.get_by_role("checkbox").tap()
    bulk = page.get_by_role("toolbar", name="Bulk actions")
    expect(bulk).to_be_in_viewport(ratio=1)
    assert bulk.evaluate("bar => bar.scrollWidth <= bar.clientWidth"), "no button stands out of the bar"
    row.locator("b").tap()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]+$"))
    page.goto(console.run("cobalt-heron"))
    details = page.get_by_role("region", name="Details")
    details.scroll_into_view_if_needed()
    expect(details).to_be_in_viewport()
    page.get_by_label("More actions").tap()
    expect(page.get_by_role("button", name="Copy id")).to_be_in_viewport(ratio=1)
    page.goto(f"{console.run('cobalt-heron')}/events")
    tab = page.get_by_role("navigation", name="Run", exact=True).get_by_role("link", name="Events")
    expect(tab).to_be_in_viewport(ratio=0.9)
    deployment = console.seeded.deployments["nightly-warehouse-load/prod"]
    for address in (
        "/runs",
        f"/runs/{console.seeded.runs['cobalt-heron']}/logs",
        f"/deployments/{deployment}",
    ):
        page.goto(console.url + address)
        assert page.evaluate(CRAMPED) == [], address
    context.close()


CRAMPED = """() => [...document.querySelectorAll('.btn, select, input:is([type=search], [type=text], [type=number])')]
    .filter(each => each.checkVisibility() && !each.closest('.drop, [hidden]') && each.offsetHeight > 1)
    .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
    .filter(([, box]) => box.height < 24 || box.left < 0 || box.right > 390)
    .map(([text]) => text)"""


@pytest.mark.row("UI-13")
def test_a_radar_that_is_larger_than_its_place_is_moved_by_scrolling(page: Page, console: Console) -> None:
    page.goto(f"{console.run('cobalt-heron')}/radar?zoom=3")
    place = page.locator(".zoomed")
    assert place.evaluate(
        "each => each.scrollWidth > each.clientWidth && each.scrollHeight > each.clientHeight"
    )
    place.evaluate("each => each.scrollTo(120, 90)")
    assert place.evaluate("each => [each.scrollLeft, each.scrollTop]") == [120, 90]


def test_two_runs_are_compared_and_a_log_is_searched(page: Page, console: Console) -> None:
    page.goto(console.run("cobalt-heron"))
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("region", name="First divergence")).to_contain_text(
        "They part at transform_orders"
    )
    first = page.get_by_role("region", name="Run A").locator("b").inner_text()
    page.get_by_role("link", name="Swap").click()
    expect(page.get_by_role("region", name="Run B").locator("b")).to_have_text(first)
    page.get_by_role("link", name="Choose runs…").click()
    page.get_by_role("link", name="cobalt-heron").last.click()
    expect(page.get_by_role("region", name="Run B").locator("b")).to_have_text(first)
    page.goto(f"{console.run('cobalt-heron')}/logs")
    lines = page.locator("#log li")
    page.get_by_role("searchbox").press_sequentially("rows in")
    expect(page.locator("#lines mark").first).to_have_text("rows in")
    expect(page).to_have_url(re.compile(r"q=rows(\+|%20)in"))
    page.get_by_role("searchbox").fill("")
    page.get_by_role("combobox", name="Level").select_option("Errors")
    expect(lines).to_have_count(2)
    expect(page.locator("#log li:not(.error)")).to_have_count(0)
    page.get_by_role("link", name="First error").click()
    expect(page.locator("#log li:target")).to_be_in_viewport()
    assert page.locator("#log li.error").first.get_attribute("id") == page.url.partition("#")[2]


def test_a_queue_is_made_limited_and_paused(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/queues")
    page.get_by_role("link", name="New queue").click()
    page.get_by_role("textbox", name=re.compile("^name")).fill("night")
    page.get_by_label("limit").fill("2")
    page.get_by_label("priority").fill("3")
    page.get_by_label("runs by tags and deployments").check()
    page.get_by_label("tags", exact=False).last.fill("marts")
    expect(page.locator("#match")).not_to_contain_text("0 runs")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("night")
    expect(page.locator("#health")).to_contain_text(re.compile("0 of 2 in use.*Priority ?3", re.DOTALL))
    switch = page.get_by_role("switch", name="Queue")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    page.goto(f"{console.url}/queues/new")
    page.get_by_role("textbox", name=re.compile("^name")).fill("night")
    page.get_by_label("limit").fill("7")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#e-name")).to_contain_text("exists already")
    expect(page.get_by_label("limit")).to_have_value("7")


def test_a_view_is_saved_opened_renamed_and_deleted(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs?state=failed&tag=pii")
    page.get_by_text("Save view").first.click()
    page.get_by_label("Save these filters as").fill("Private failures")
    page.get_by_role("button", name="Save view").click()
    views = page.get_by_role("navigation", name="Saved views")
    expect(views.get_by_role("link", name="Private failures")).to_have_attribute("aria-current", "page")
    views.get_by_role("link", name="All runs").click()
    expect(page).to_have_url(f"{console.url}/runs")
    views.get_by_role("link", name="Private failures").click()
    expect(page.locator(".run b")).to_have_text(["cobalt-heron"])
    page.get_by_text("Change view").click()
    page.get_by_label("Name of this view").fill("Leaks")
    page.get_by_role("button", name="Rename").click()
    expect(views.get_by_role("link", name="Leaks")).to_have_attribute("aria-current", "page")
    page.get_by_text("Change view").click()
    page.get_by_role("button", name="Delete view Leaks").click()
    expect(views.get_by_role("link", name="Leaks")).to_have_count(0)


def test_a_wrong_value_is_told_at_its_field_and_a_cancel_is_taken_back(page: Page, console: Console) -> None:
    deployment = console.seeded.deployments["nightly-warehouse-load/prod"]
    page.goto(f"{console.url}/deployments/{deployment}")
    form = page.locator("#form")
    size = form.get_by_role("spinbutton", name=re.compile("^batch_size"))
    size.fill("50000")
    form.get_by_role("textbox", name=re.compile("^run name")).fill("by-and-by")
    form.get_by_role("button", name="Run", exact=True).last.click()
    expect(page.locator("[id='e-p.batch_size']")).to_have_text("Must be at most 20000.")
    expect(size).to_have_attribute("aria-describedby", "e-p.batch_size")
    expect(size).to_be_focused()
    size.fill("600")
    form.locator("#start").fill("2031-05-06T07:08")
    form.get_by_role("button", name="Run", exact=True).last.click()
    badge = page.locator(".head .badge").first
    expect(badge).to_have_text("Scheduled")
    run = page.url
    page.get_by_role("button", name="Cancel").click()
    expect(badge).to_have_text("Cancelled")
    page.get_by_role("button", name="Undo cancel").click()
    expect(badge).to_have_text("Scheduled")
    page.goto(f"{console.url}/runs?q=by-and-by&start-date=2031-05-06&end-date=2031-05-06")
    page.get_by_role("checkbox", name="Select by-and-by").check()
    page.get_by_role("toolbar", name="Bulk actions").get_by_role("button", name="Cancel").click()
    toast = page.get_by_role("status").filter(has_text="Cancelled 1 run")
    toast.get_by_role("button", name="Undo for 1 run not begun").click()
    expect(page.locator(".run .glyph").first).to_have_attribute("aria-label", "Scheduled")
    page.goto(run)
    expect(badge).to_have_text("Scheduled")
