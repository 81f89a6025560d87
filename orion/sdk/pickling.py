"""Pickles of whatever users have: by value where another process could not import it."""

from __future__ import annotations

import io
from typing import Any

import cloudpickle

from orion.sdk.loading_mark import LOADED

loads = cloudpickle.loads


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """msgspec leaves notes in classes that it converts to; they cannot be pickled, and it makes them anew."""
        if isinstance(value, type) and "__msgspec_cache__" in vars(value):
            del value.__msgspec_cache__  # type: ignore[attr-defined]
        return super().reducer_override(value)


def dumps(value: Any) -> bytes:
    """`value` as a pickle; classes and functions of loaded scripts go along."""
    for module in LOADED:
        cloudpickle.register_pickle_by_value(module)
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()
