"""Installed collections: each names its modules as entry points of the group `orion.collections`."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "orion.collections"

_loaded: dict[str, Any] | None = None


def load() -> dict[str, Any]:
    """Import every installed collection, once a process: by name, the module, or the exception of a broken one.

    A broken collection stops nothing; it is reported as a warning, with its traceback in debug mode.
    """
    global _loaded
    if _loaded is None:
        _loaded = {point.name: _load(point) for point in entry_points(group=GROUP)}
    return _loaded


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        from orion.settings import current

        trace = error if current().debug_mode or current().test_mode else None
        logging.getLogger("orion").warning(
            "The collection %r (%s) cannot be loaded: %s: %s", point.name, point.value, type(error).__name__, error,
            exc_info=trace,
        )  # fmt: skip
        return error
