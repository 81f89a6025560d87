"""Installed collections: each names its modules as entry points of the group `orion.collections`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "orion.collections"

_loaded: dict[str, Any] | None = None


def load() -> dict[str, Any]:
    """Import every installed collection, once a process: by name, the module, or the exception of a broken one.

    A broken collection stops nothing; it is reported as a warning, with its traceback in debug mode.
    """
    global _loaded
    if _loaded is None:
        _loaded = {point.name: _load(point) for point in entry_points()}
    return _loaded


def entry_points() -> Iterable[EntryPoint]:
    """The entry points of the group; without any, importlib.metadata is not worth the time of its import."""
    if not any(map(_is_named_in, sys.path)):
        return ()
    import importlib.metadata

    return importlib.metadata.entry_points(group=GROUP)


def _is_named_in(folder: str) -> bool:
    """Whether a distribution in a folder of the path has entry points of the group; of an archive, that it may."""
    try:
        places = [e.path for e in os.scandir(folder or ".") if e.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return True
    except OSError:
        return False
    return any(map(_names_group, places))


def _names_group(place: str) -> bool:
    try:
        with open(os.path.join(place, "entry_points.txt"), "rb") as file:
            return f"[{GROUP}]".encode() in file.read()
    except OSError:
        return False


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
