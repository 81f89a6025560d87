"""Pages out of templates: the Jinja environment, a page or one block of it, and links that hold under any prefix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.runtime import Context
from starlette.requests import Request

from orion.layout import asset
from orion.model.times import utcnow
from orion.web import display, log_lines, markdown, run_list
from orion.web.call import below_root
from orion.web.charting import CHARTS
from orion.web.compiling import Compiler, say
from orion.web.openapi import type_name
from orion.web.said import heard
from orion.web.static import hashed

ROOT_HEADER = "orion-root"
Block = Callable[[Context], Iterator[str]]
THEMES = ("light", "dark")
PALETTES = ("safe",)
_is_root = re.compile(r"\./|(\.\./){1,6}").fullmatch
_root: ContextVar[str] = ContextVar("root", default="./")


def render(request: Request, name: str, data: dict[str, Any] | None) -> str:
    """The page `flow_runs/list.html`, or with `#runs` behind the name only that block of it."""
    page, _, block = name.partition("#")
    template = environment().get_template(page)
    context = template.new_context({**shell(request), **(data or {})})
    if not block:
        return "".join(template.root_render_func(context))
    known = blocks(page)
    if block not in known:
        raise LookupError(f"{page} has no block {block!r}; it has {', '.join(sorted(known))}")
    context.blocks = {key: [drawn] for key, drawn in known.items()}
    return "".join(known[block](context)) + (_nav_beside(context["nav"]) if block == "page" else "")


def _nav_beside(nav: Any) -> str:
    """The navigation's counts, which a page that asks again takes along."""
    return str(cast(Any, environment().globals["ui"]).nav_again(nav)) if nav else ""


def block_names(name: str) -> set[str]:
    """The regions of a page that can be asked for alone."""
    return set(blocks(name.partition("#")[0]))


@cache
def blocks(page: str) -> dict[str, Block]:
    """A page's blocks by name: its own, and those of the templates it extends."""
    env = environment()
    template = env.get_template(page)
    source, _, _ = cast(FileSystemLoader, env.loader).get_source(env, page)
    extends = env.parse(source).find(nodes.Extends)
    above = blocks(extends.template.value) if extends and isinstance(extends.template, nodes.Const) else {}
    return {**above, **template.blocks}


def root(request: Request) -> str:
    """The way from the page that is looked at back to the console's root.

    A page knows it by its own address; a region or an action is told by the page that asks, in a header.
    """
    told = request.headers.get(ROOT_HEADER, "")
    if _is_root(told):
        return told
    depth = below_root(request.scope).count("/") - 1
    return "../" * depth or "./"


def shell(request: Request) -> dict[str, Any]:
    """What every page knows beside its own data."""
    who = display.viewer.get(None) or viewer_of(request)
    display.viewer.set(who)
    _root.set(root(request))
    theme = request.cookies.get("theme")
    palette = request.cookies.get("palette")
    query = request.url.query
    return {
        "root": _root.get(),
        "theme": theme if theme in THEMES else None,
        "palette": palette if palette in PALETTES else None,
        "zone_name": who.zone_name,
        "told": who.told,
        "nav": None,
        "said": heard(request.cookies.get("said", "")),
        "address": below_root(request.scope)[1:] + (f"?{query}" if query else ""),
        "state": request.app.state,
    }


def viewer_of(request: Request, now: datetime | None = None) -> display.Viewer:
    """Who asks: the browser says its zone in a cookie."""
    zone, zone_name = display.zone_of(request.cookies.get("tz"))
    return display.Viewer(now or utcnow(), zone, zone_name, request.app.state.store.bus.told)


class Pages(Environment):
    """Jinja's environment with orion's compiler."""

    code_generator_class = Compiler
    say = staticmethod(say)


@cache
def environment() -> Environment:
    """The one Jinja environment; macros are `ui.…` everywhere, also where a block is rendered alone."""
    env = Pages(
        loader=FileSystemLoader(asset("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {**display.FILTERS, "type_name": type_name, "markdown": markdown.render}
    env.globals |= {
        **display.GLOBALS,
        "static": static,
        "link": link,
        "chart": CHARTS,
        "log_lines": log_lines.draw,
        "run_rows": run_list.draw,
    }
    env.globals["ui"] = env.get_template("macros.html").module
    return env


def static(name: str) -> str:
    """The address of a static file from the page that is rendered."""
    return f"{_root.get()}static/{hashed(name)}"


def link(path: str) -> str:
    """The address of a page of the console from the page that is rendered."""
    return _root.get() + path


def lines(request: Request, logs: Any, names: dict[str, str]) -> str:
    """Log lines alone, as the live stream pushes them."""
    display.viewer.set(viewer_of(request))
    _root.set(root(request))
    return log_lines.draw(logs, link, names)
