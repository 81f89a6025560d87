"""The mark that a script is being loaded: flow calls are ignored while it is set; and the modules made of scripts."""

from __future__ import annotations

from contextvars import ContextVar
from types import ModuleType

LOADING: ContextVar[str | None] = ContextVar("orion_loading", default=None)

LOADED: list[ModuleType] = []  # what they define is pickled by value: another process cannot import it
