"""Markdown as safe HTML: no markup of its own, links to web pages only, and no picture is fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from html import escape
from typing import Any

from orion.web.charts.svg import Svg

MOST = 20_000  # characters; what is written to hurt takes the square of it, and still less than a second
_picture = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif|svg\+xml);base64,[A-Za-z0-9+/=]+").fullmatch


@lru_cache(maxsize=128)
def render(text: str, most: int = MOST) -> Svg:
    """The text as HTML; of a longer one the first `most` characters."""
    return Svg(
        _reader().render(text if len(text) <= most else text[:most].rpartition("\n")[0] or text[:most])
    )


def is_web(address: str) -> bool:
    """Whether an address leads to a web page."""
    return address.lower().startswith(("http://", "https://"))


def is_picture(address: str) -> bool:
    """Whether an address is a whole picture, which needs nobody else to show it."""
    return _picture(address) is not None


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt

    reader: Any = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.validateLink = lambda address: is_web(address) or is_picture(address)
    for name, rule in (("link_open", _link), ("image", _image), ("th_open", _cell), ("td_open", _cell)):
        reader.add_render_rule(name, rule)
    return reader


def _link(self: Any, tokens: Sequence[Any], at: int, options: Any, env: Any) -> str:
    address = str(tokens[at].attrs.get("href", ""))
    return f'<a href="{escape(address)}" rel="noopener noreferrer">' if is_web(address) else "<a>"


def _image(self: Any, tokens: Sequence[Any], at: int, options: Any, env: Any) -> str:
    """A picture that is whole is shown; for any other there is a link, since the page may not fetch it."""
    address, said = str(tokens[at].attrs.get("src", "")), tokens[at].content
    if is_picture(address):
        return f'<img src="{escape(address)}" alt="{escape(said)}">'
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{escape(said or address)}</a>'


def _cell(self: Any, tokens: Sequence[Any], at: int, options: Any, env: Any) -> str:
    """A cell's alignment is a class: the pages allow no inline style."""
    style = str(tokens[at].attrs.get("style", ""))
    side = style.removeprefix("text-align:") if style in ("text-align:center", "text-align:right") else ""
    return f'<{tokens[at].tag} class="{side}">' if side else f"<{tokens[at].tag}>"
