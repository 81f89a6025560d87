"""The one place where markup is written in Python: an element, escaped, that templates take as it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape


class Svg(str):
    """Finished markup. Jinja asks `__html__` and leaves it unescaped; a plain string never has that right."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def el(name: str, *children: str | Svg | None, **attributes: object) -> Svg:
    """One element. `class_` and `view_box` become `class` and `viewBox`; None and False leave an attribute out."""
    text = f"<{name}"
    for key, value in attributes.items():
        if value is not None and value is not False:
            text += f'{_head(key)}{_plain(value)}"'
    body = join([child for child in children if child]) if children else ""
    return Svg(f"{text}>{body}</{name}>" if body else f"{text}/>")


def rect(look: str, x: float, y: float, width: float, height: float, rx: int = 0, title: str = "") -> Svg:
    """A bar in the colour of a look: what `el` would give, quicker, since lists draw hundreds of them."""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    head = f'<rect data-s="{_plain(look)}" {place}' + (f' rx="{rx}"' if rx else "")
    return Svg(f"{head}><title>{escape(title)}</title></rect>" if title else f"{head}/>")


def join(parts: Iterable[str | Svg]) -> Svg:
    """Markup one after the other; what is not markup yet is escaped."""
    return Svg("".join([part if part.__class__ is Svg else escape(part) for part in parts]))


def number(value: float) -> str:
    """A coordinate in as few letters as needed: 12, 12.5."""
    text = f"{value:.1f}"
    return text[:-2] if text[-1] == "0" else text


_NAMES = {"view_box": "viewBox", "preserve": "preserveAspectRatio"}


@cache
def _head(key: str) -> str:
    """An attribute up to its value; there are few, and thousands of elements in a chart."""
    name = _NAMES.get(key) or key.rstrip("_").replace("_", "-")
    return f' {name}="'


def _plain(value: object) -> str:
    """A value as an attribute may hold it. Letters and digits alone, as most values are, need no escaping."""
    if value.__class__ is int or value.__class__ is float:
        return number(value)
    text = str(value)
    return text if text.isalnum() else escape(text)
