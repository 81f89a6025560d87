"""The one place where markup is written in Python: an element, escaped, that templates take as it is."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Svg(str):
    """Finished markup. Jinja asks `__html__` and leaves it unescaped; a plain string never has that right."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def el(name: str, *children: str | Svg | None, **attributes: object) -> Svg:
    """One element. `class_` and `view_box` become `class` and `viewBox`; None and False leave an attribute out."""
    head = "".join(
        _attribute(key, value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    body = join(child for child in children if child)
    return Svg(f"<{name}{head}>{body}</{name}>" if body else f"<{name}{head}/>")


def join(parts: Iterable[str | Svg]) -> Svg:
    """Markup one after the other; what is not markup yet is escaped."""
    return Svg("".join(part if isinstance(part, Svg) else escape(part) for part in parts))


def number(value: float) -> str:
    """A coordinate in as few letters as needed: 12, 12.5."""
    return f"{value:.1f}".removesuffix(".0")


_NAMES = {"view_box": "viewBox", "preserve": "preserveAspectRatio"}


def _attribute(key: str, value: object) -> str:
    name = _NAMES.get(key) or key.rstrip("_").replace("_", "-")
    text = number(value) if isinstance(value, int | float) and value is not True else str(value)
    return f' {name}="{escape(text)}"'
