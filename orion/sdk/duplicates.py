"""Two functions under one name share their history: say so, with the place of both."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

_seen: dict[tuple[str, str], tuple[str, int]] = {}


def warn_of_duplicate(kind: str, name: str, fn: Callable[..., Any]) -> None:
    """Warn when another function was made a flow or task of this name before."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return
    place = (code.co_filename, code.co_firstlineno)
    before = _seen.setdefault((kind, name), place)
    if before != place:
        warnings.warn(
            f"The {kind} {name!r} in {place[0]}:{place[1]} has the name of the one in {before[0]}:{before[1]}; "
            f"give one of them another name: @{kind}(name=...).",
            stacklevel=4,
        )
