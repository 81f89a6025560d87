"""What docstrings say, in the style of Google, NumPy or Sphinx."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docstring_parser import Docstring


def notes(fn: Callable[..., Any]) -> dict[str, str]:
    """What the docstring of a function says of its parameters."""
    found = _parsed(inspect.getdoc(fn))
    params = found.params if found else []
    return {each.arg_name.lstrip("*"): each.description for each in params if each.description}


def prose(text: str | None) -> str | None:
    """A docstring without what it says of parameters, for where those stand beside their fields."""
    found = _parsed(text)
    return (found.description or "").strip() or None if found and found.params else text


def _parsed(text: str | None) -> Docstring | None:
    import docstring_parser

    try:
        return docstring_parser.parse(text or "")
    except docstring_parser.ParseError:
        return None
