"""The mark that a script is being loaded: flow calls are ignored while it is set."""

from __future__ import annotations

from contextvars import ContextVar

LOADING: ContextVar[str | None] = ContextVar("orion_loading", default=None)
