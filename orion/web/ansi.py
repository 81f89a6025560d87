"""A log message as markup: colours of the terminal as classes, the searched text marked, a very long line cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from orion.web.charts.svg import Svg, el, join

LONGEST = 8_000
COLOURS = {
    30: "black",
    31: "red",
    32: "green",
    33: "yellow",
    34: "blue",
    35: "magenta",
    36: "cyan",
    37: "white",
}
STYLES = {1: "bold", 2: "faint", 3: "italic", 4: "under"}
_escape = re.compile(r"\x1b(?:\[([0-9;:]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def message(text: str, searched: str = "") -> Svg:
    """A message as a page shows it; of a very long one the beginning."""
    if not searched and "\x1b" not in text:
        return Svg(escape(text[:LONGEST]))
    pieces = [_piece(part, names, searched) for part, names in _parts(text[:LONGEST])]
    return join(pieces)


def plain(text: str) -> str:
    """A message without the terminal's control sequences."""
    return _escape.sub("", text)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Stretches of one look, with its class names."""
    at, look = 0, dict[str, str]()
    for found in _escape.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], _names(look)
        at = found.end()
        if found[2] == "m":
            _turn(look, found[1] or "0")
    if at < len(text):
        yield text[at:], _names(look)


def _turn(look: dict[str, str], codes: str) -> None:
    numbers = [int(code) for code in re.split("[;:]", codes) if code.isdecimal() and len(code) < 4]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            look.clear()
        elif code in (38, 48):  # a colour of a larger palette: it has no name here
            del numbers[: 2 if numbers[:1] == [5] else 4]
        elif code in STYLES:
            look[STYLES[code]] = STYLES[code]
        elif code == 22:
            look.pop("bold", None)
            look.pop("faint", None)
        elif code == 39:
            look.pop("colour", None)
        elif (colour := COLOURS.get(code - 60 if code >= 90 else code)) is not None:
            look["colour"] = colour


def _names(look: dict[str, str]) -> str:
    return " ".join(f"an-{name}" for name in look.values())


def _piece(text: str, names: str, searched: str) -> Svg | str:
    marked = _marked(text, searched) if searched else text
    return el("span", marked, class_=names) if names else marked


def _marked(text: str, searched: str) -> Svg:
    parts = re.split(f"({re.escape(searched)})", text, flags=re.IGNORECASE)
    return join(el("mark", part) if index % 2 else part for index, part in enumerate(parts))
