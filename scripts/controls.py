"""One picture of every kind of control in every state: as it stands, under the pointer, with the focus, pressed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Locator, Page

QUALITY, AROUND, WIDEST = 45, 6, 120
STATES: Mapping[str, tuple[str, ...]] = {
    "as it stands": (),
    "pointer over it": ("hover",),
    "focus": ("focus", "focus-visible", "focus-within"),
    "pressed": ("hover", "active"),
}
KINDS = (
    ("Button", "deployment", ".head .right > form .btn"),
    ("Main button", "deployment", "#form > footer .btn.primary"),
    ("Quiet button", "flow-run", "section > header .btn.quiet:not(.icon)"),
    ("Dangerous button", "block-delete", ".btn.danger"),
    ("Icon", "flow-run", ".head summary.btn.icon"),
    ("Disabled", "runs", ".pager [aria-disabled]"),
    ("In the bulk bar", "runs", ".bulk .btn"),
    ("Navigation", "runs", ".side nav a:not([aria-current])"),
    ("Navigation, here", "runs", ".side nav a[aria-current]"),
    ("Tab", "flow-run", ".tabs a:not([aria-current])"),
    ("Tab, here", "flow-run", ".tabs a[aria-current]"),
    ("Choice of views", "runs", ".head .seg a:not([aria-current])"),
    ("Choice, chosen", "runs", ".head .seg a[aria-current]"),
    ("Choice in a form", "deployment", ".seg button[aria-pressed=false]"),
    ("Switch, on", "deployment", ".head .switch.on"),
    ("Switch, off", "notifications", ".switch:not(.on)"),
    ("Chip", "narrowed", ".chip a"),
    ("Number of a state", "runs", ".strip a:not([aria-current])"),
    ("Row of runs", "runs", "li.run"),
    ("Name in a row", "runs", ".run .t a:has(b)"),
    ("Link in text", "gone", "a.link"),
    ("Way up", "flow-run", ".crumbs a"),
    ("Entry of a menu", "flow-run", ".head .drop > a"),
    ("Opens a menu", "runs", "details.menu-of > summary:not(.btn)"),
    ("Opens a table", "runs", "details.table > summary"),
    ("Card", "catalog", ".card"),
    ("Text field", "policy", "input[type=text]"),
    ("Search", "runs", ".search input"),
    ("Select", "runs", "form.filters select"),
    ("Many lines", "deployment-json", "textarea"),
    ("Tick", "runs", ".run input[type=checkbox]"),
    ("Radio", "queue-new", "input[type=radio]"),
    ("Bar of the history", "runs", ".chart .plot a:has([data-s])"),
    ("Bar of a run", "deployment", ".spark a"),
    ("Dot of a run", "flow", ".chart a:has(.dotted)"),
    ("Row of the timeline", "flow-run", ".gantt li:nth-of-type(3)"),
    ("Task of the radar", "flow-run", "#radar .radar a"),
    ("Line of a log", "flow-run", ".log li"),
    ("Copy", "queue", ".cli .btn"),
    ("Keys", "runs", ".foot button"),
)
READY = """each => {
  each.removeAttribute('data-copy')  // such a button is hidden where no script runs
  const menu = each.closest('.drop')
  if (menu) menu.parentElement.open = true
  if (each.closest('.bulk')) document.querySelector('.runs [type=checkbox]').checked = true
}"""
LOOKS = """body { margin: 0; padding: 16px; font: 13px/18px system-ui, sans-serif; background: #fff; color: #161a21 }
table { border-collapse: collapse } td { padding: 1px 4px }
th { font-weight: 500; text-align: left; padding: 2px 10px 2px 0; white-space: nowrap }
td.dark { background: #0d1015 } td.light { background: #f6f7f9 } img { display: block }"""


def take(browser: Browser, url: str, pages: Mapping[str, str], path: Path) -> None:
    """Make the picture, light and dark beside each other."""
    pages = {**pages, "narrowed": "/runs?range=24h&state=failed"}
    shots: dict[tuple[str, str, str], str] = {}
    for theme in ("light", "dark"):
        context = browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": 1280, "height": 900},
            java_script_enabled=False,  # so that nothing moves
        )
        page = context.new_page()
        forced = context.new_cdp_session(page)
        for name, place, selector in KINDS:
            _open(page, forced, url + pages[place])
            for state, classes in STATES.items():
                shots[name, theme, state] = _shot(page, forced, selector, classes)
        context.close()
    sheet = browser.new_page(viewport={"width": 1280, "height": 900})
    sheet.set_content(_sheet(shots))
    sheet.locator("table").screenshot(path=path, type="jpeg", quality=QUALITY)
    sheet.close()


def _open(page: Page, forced: CDPSession, address: str) -> None:
    if page.url == address:
        return
    page.goto(address)
    page.evaluate("document.querySelectorAll('details.menu-of .drop').forEach(each => each.parentElement.open = false)")
    forced.send("DOM.enable")
    forced.send("CSS.enable")


def _shot(page: Page, forced: CDPSession, selector: str, classes: tuple[str, ...]) -> str:
    """An element as it looks in a state that nobody brings about."""
    _show(page.locator(selector).first)
    root = forced.send("DOM.getDocument")["root"]["nodeId"]
    node = forced.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    forced.send("CSS.forcePseudoState", {"nodeId": node, "forcedPseudoClasses": list(classes)})
    taken = page.screenshot(clip=_place(page.locator(selector).first), animations="disabled")
    forced.send("CSS.forcePseudoState", {"nodeId": node, "forcedPseudoClasses": []})
    return b64encode(taken).decode()


def _show(element: Locator) -> None:
    element.evaluate(READY, timeout=5_000)
    element.scroll_into_view_if_needed()


def _place(element: Locator) -> Any:
    box = element.bounding_box()
    if box is None:
        raise SystemExit(f"{element} is not to be seen")
    width = min(box["width"], WIDEST)
    return {
        "x": max(box["x"] - AROUND, 0),
        "y": max(box["y"] - AROUND, 0),
        "width": width + 2 * AROUND,
        "height": min(box["height"], 112) + 2 * AROUND,
    }


def _sheet(shots: Mapping[tuple[str, str, str], str]) -> str:
    themes = ("light", "dark")
    heads = "".join(f"<th>{state}" for _ in themes for state in STATES)
    rows = "".join(
        f"<tr><th>{name}" + "".join(_cell(shots[name, theme, state], theme) for theme in themes for state in STATES)
        for name, _, _ in KINDS
    )
    return f"<!doctype html><meta charset=utf-8><style>{LOOKS}</style><table><tr><th>{heads}{rows}</table>"


def _cell(picture: str, theme: str) -> str:
    return f"<td class={theme}><img src='data:image/png;base64,{picture}'>"
