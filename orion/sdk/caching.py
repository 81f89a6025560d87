"""Cache keys for tasks: equal keys, one result."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orion.sdk.context import TaskRunContext


def task_input_hash(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """A key from the task, its code and its parameters; None (no caching) when these cannot be written down."""
    code = getattr(context.task.fn, "__code__", None)
    body = code.co_code.hex() if code is not None else ""
    return hash_objects(context.task.task_key, body, parameters)


def hash_objects(*values: Any) -> str | None:
    """SHA-256 of values as JSON, else as a pickle; None when neither works."""
    content = _as_json(values) or _as_pickle(values)
    return hashlib.sha256(content).hexdigest() if content is not None else None


def _as_json(values: Any) -> bytes | None:
    import json

    try:
        return json.dumps(values, sort_keys=True).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _as_pickle(values: Any) -> bytes | None:
    from orion.sdk import pickling

    try:
        return pickling.dumps(values)
    except Exception:
        return None
