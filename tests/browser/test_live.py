"""What moves by itself: lines of a log, states of a run, rows of lists; without losing what the reader does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, expect

from orion.model.flow_runs import FlowRunCreate
from orion.model.logs import LogCreate
from orion.model.states import StateCreate, StateType
from orion.model.times import utcnow
from orion.orchestration import create_flow_run, propose_flow_run
from orion.store import flow_runs, logs
from tests.browser.conftest import Console, Prefixed
from tests.browser.places import everywhere

pytestmark = pytest.mark.browser


def say(console: Console, run_id: str, *messages: str) -> None:
    lines = [
        LogCreate(name="orion.flow_runs", level=20, message=each, timestamp=utcnow(), flow_run_id=run_id)
        for each in messages
    ]
    console.store.write_now(logs.insert, lines, utcnow())


COUNT_WORK = """
    worked = 0  // lines that htmx looks through for what it might do: a flood of them keeps a click waiting
    addEventListener("htmx:before:process", e => worked += e.target.closest("#log") !== null)
"""


@pytest.mark.row("UI-09", "UI-12")
def test_new_log_lines_arrive_once_and_in_order(page: Page, console: Console) -> None:
    page.goto(console.run("velvet-otter"))
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    page.evaluate(COUNT_WORK)
    for number in range(5):
        say(console, console.seeded.runs["velvet-otter"], f"<b>line</b> {number}")
    expect(page.locator("#log li").last).to_contain_text("<b>line</b> 4")
    arrived = page.locator("#log .msg").filter(has_text="<b>line</b>").all_text_contents()
    assert arrived == [f"<b>line</b> {number}" for number in range(5)]
    assert page.evaluate("worked") == 0


def test_who_reads_further_up_keeps_a_light_page_and_comes_to_the_end_anew(
    page: Page, console: Console
) -> None:
    run = console.seeded.runs["velvet-otter"]
    say(console, run, *(f"before {number}" for number in range(60)))
    page.goto(f"{console.run('velvet-otter')}/logs")
    log, newer = page.locator("#log"), page.locator(".newer")
    log.evaluate(
        "log => log.insertAdjacentHTML('beforeend', '<li>early</li>'.repeat(2500) + '<li>newest</li>')"
    )
    expect(log.locator("li")).to_have_count(1000)
    expect(log.locator("li").last).to_be_in_viewport(ratio=1)
    expect(newer).to_be_hidden()
    log.evaluate("log => new Promise(done => { log.onscroll = () => done(); log.scrollTop = 0 })")
    log.evaluate("log => log.insertAdjacentHTML('beforeend', '<li>more</li>'.repeat(3500))")
    expect(newer).to_have_text("↓ 3500 new")
    assert log.evaluate("log => log.children.length") == 3000
    say(console, run, "the very last")
    newer.click()
    expect(page.locator("#log li").last).to_contain_text("the very last")
    assert page.locator("#log li", has_text="more").count() == 0


def test_a_run_that_ends_is_seen_to_end(page: Page, console: Console) -> None:
    page.goto(console.run("quiet-harbour"))
    expect(page.locator(".head .badge")).to_have_text("Running")
    run = console.seeded.runs["quiet-harbour"]
    console.store.write_now(propose_flow_run, run, StateCreate(type="COMPLETED"), utcnow())
    expect(page.locator(".head .badge")).to_have_text("Completed")
    expect(page.locator("#details")).to_contain_text("Duration")
    expect(page.locator(".foot .live")).to_be_hidden()


def test_only_a_page_that_hears_of_changes_says_that_it_is_live(page: Page, console: Console) -> None:
    quiet = 0
    for address in everywhere(console):
        page.goto(console.url + address)
        follows, dot = page.locator("#follow[hx-get]").count(), page.locator(".foot .live")
        assert page.locator("[hx-sse\\:connect]").count() == follows, address
        expect(dot).to_be_visible(visible=bool(follows))
        expect(page.locator(".foot")).to_contain_text("sqlite")
        if follows:
            expect(dot).to_contain_text("Live")
        quiet += not follows
    assert quiet > 10


def test_the_list_hears_of_a_new_state_and_keeps_what_is_typed(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    row = page.locator(f"#run-{console.seeded.runs['bold-osprey']}")
    row.get_by_role("checkbox").check()
    search = page.get_by_role("searchbox")
    search.evaluate("box => box.value = 'half a wo'")
    run = console.seeded.runs["bold-osprey"]
    console.store.write_now(
        propose_flow_run, run, StateCreate(type="RUNNING"), utcnow() + timedelta(seconds=1)
    )
    expect(row.locator(".glyph").first).to_have_attribute("aria-label", "Running")
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(search).to_have_value("half a wo")


KEPT = """() => ({
    focus: document.activeElement.closest('[id]').id + ' ' + (document.activeElement.name ?? ''),
    caret: document.activeElement.selectionStart ?? null,
    selected: String(getSelection()),
    open: [...document.querySelectorAll('details[open] > summary')].map(each => each.textContent || each.ariaLabel),
    typed: [...document.querySelectorAll('details[open] input:not([type=hidden])')].map(each => each.value),
})"""
SELECT = "each => getSelection().selectAllChildren(each)"


@pytest.mark.row("UI-09")
def test_what_arrives_takes_no_focus_no_selection_no_place_and_closes_nothing(
    page: Page, console: Console
) -> None:
    run = console.seeded.runs["velvet-otter"]
    change(console, run, "RUNNING")
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(f"{console.url}/runs?range=24h")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    row = page.locator(f"#run-{console.seeded.runs['cobalt-heron']}")
    page.locator("details.table > summary").first.click()  # a click beside a menu would close it
    page.get_by_text("Save view").first.click()
    page.get_by_label("Save these filters as").fill("half a na")
    row.get_by_role("link").last.focus()
    row.locator("b").evaluate(SELECT)
    row.evaluate("each => each.scrollIntoView({block: 'start'})")
    kept, place = page.evaluate(KEPT), row.bounding_box()
    assert kept["open"] == ["Save view", "As table"] and kept["selected"] == "cobalt-heron"
    new = FlowRunCreate(flow_id=flow_of(console, run), name="just-now")
    console.store.write_now(create_flow_run, new, utcnow())
    change(console, run, "PAUSED")
    expect(page.locator(f"#run-{run} .glyph").first).to_have_attribute("aria-label", "Paused")
    expect(page.locator("b", has_text="just-now")).to_have_count(1)
    assert page.evaluate(KEPT) == kept
    assert place
    stays = "([id, y]) => Math.abs(document.getElementById(id).getBoundingClientRect().y - y) < 2"
    page.wait_for_function(stays, arg=[row.get_attribute("id"), place["y"]])

    page.goto(console.run("velvet-otter"))
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    page.get_by_label("More actions").click()
    page.get_by_text("Set state…").click()
    page.get_by_label("Reason").fill("because of it")
    page.get_by_label("Reason").evaluate("each => each.setSelectionRange(4, 4)")
    kept = page.evaluate(KEPT)
    assert kept["caret"] == 4 and kept["open"] == ["More actions", "Set state…"]
    change(console, run, "RUNNING")
    expect(page.locator(".head .badge")).to_have_text("Running")
    assert page.evaluate(KEPT) == kept
    page.keyboard.type("!")
    expect(page.get_by_label("Reason")).to_have_value("beca!use of it")


def flow_of(console: Console, run: str) -> str:
    found = console.store.read_now(flow_runs.get, run)
    assert found is not None
    return found.flow_id


def test_below_a_path_behind_a_proxy_all_of_it_lives(page: Page, console: Console) -> None:
    """The stream, regions, files, redirects, forms with scripts and plain ones, and the way that a toast offers."""
    base, run = f"{console.url}{Prefixed.PREFIX}", console.seeded.runs["velvet-otter"]
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(f"{base}/flow-run/{run}")
    expect(page).to_have_url(f"{base}/runs/{run}")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    say(console, run, "heard below a path")
    expect(page.locator("#log li").last).to_contain_text("heard below a path")
    expect(page.locator(".head").get_by_role("button", name="Cancel")).to_be_visible()
    change(console, run, "CANCELLING")
    expect(page.locator(".head .badge")).to_have_text("Cancelling")
    expect(page.locator(".head").get_by_role("button", name="Cancel")).to_be_hidden()
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Deployments").click()
    expect(page).to_have_url(f"{base}/deployments")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    page.locator(".run.dep", has_text="embed-catalogue").get_by_role("button", name="Run").click()
    page.get_by_role("status").filter(has_text="Started").get_by_role("link", name="Open").click()
    expect(page).to_have_url(re.compile(re.escape(f"{base}/runs/") + "[0-9a-f-]{36}$"))
    expect(page.locator(".head .badge")).to_have_text("Scheduled")
    name = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".head .badge")).to_have_text("Cancelled")
    page.get_by_label("More actions").click()
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page).to_have_url(f"{base}/runs")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
    page.get_by_role("combobox", name="State").select_option("cancelled")
    expect(page).to_have_url(f"{base}/runs?state=cancelled")
    assert [each.url for each in answers if not each.url.startswith(f"{base}/")] == []
    assert [(each.status, each.url) for each in answers if each.status >= 400] == []


@pytest.mark.row("UI-09")
def test_a_page_whose_stream_is_cut_asks_by_itself_and_hears_again_when_it_is_back(
    context: BrowserContext, console: Console
) -> None:
    page = (
        context.new_page()
    )  # the fixture's would fail: a stream that cannot be opened is an error of its page
    cut = "document.querySelector('[hx-sse\\\\:connect]')._htmx.sse.reader.cancel()"
    live, run = page.locator("html"), console.seeded.runs["velvet-otter"]
    page.goto(f"{console.url}/runs")
    expect(live).to_have_attribute("data-live", "live")
    glyph = page.locator(f"#run-{run} .glyph").first
    page.route("**/events?*", lambda route: route.abort())
    page.evaluate(cut)
    expect(live).to_have_attribute("data-live", "waiting")
    expect(page.locator(".foot .live")).to_contain_text("Waiting")
    change(console, run, "PAUSED")
    expect(glyph).to_have_attribute("aria-label", "Paused")
    expect(live).to_have_attribute("data-live", "waiting")
    said = page.locator(".head .live b").evaluate("word => word.innerText + getComputedStyle(word, '::after').content")
    assert said == '"Waiting"', "what the page asked for by itself does not set it back"
    page.goto(console.run("velvet-otter"))  # no stream from the beginning
    expect(live).to_have_attribute("data-live", "waiting")
    change(console, run, "RUNNING")
    expect(page.locator(".head .badge")).to_have_text("Running")
    say(console, run, "missed meanwhile")
    page.route("**/cancel", lambda route: route.abort())
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.unroute("**/events?*")
    expect(live).to_have_attribute("data-live", "live")
    expect(page.locator("#log li", has_text="missed meanwhile")).to_have_count(1)
    change(console, run, "PAUSED")
    expect(page.locator(".head .badge")).to_have_text("Paused")


def change(console: Console, run: str, kind: StateType) -> None:
    console.store.write_now(propose_flow_run, run, StateCreate(type=kind), utcnow(), force=True)


@pytest.mark.row("UI-17", "UI-18")
def test_the_switch_turns_a_schedule_off_where_it_stands(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/deployments")
    switch = page.get_by_role("switch", name="Schedule of hourly-rollup / prod")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.get_by_role("status").filter(has_text="Schedule off")).to_be_visible()
    assert page.url == f"{console.url}/deployments"


def test_a_slow_network_does_not_leave_the_page_deaf(page: Page, console: Console) -> None:
    """htmx begins as soon as it may; its stream extension, which comes later, must not be too late."""

    def delayed(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/hx-sse*", delayed)
    page.goto(f"{console.url}/runs")
    expect(page.locator("html")).to_have_attribute("data-live", "live")
