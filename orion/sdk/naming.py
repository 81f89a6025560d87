"""Names of runs, and the identity of tasks."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orion.sdk.errors import ParameterError

if TYPE_CHECKING:
    from orion.sdk.tasks import Task


def task_key(fn: Callable[..., Any], name: str) -> str:
    """`<name>-<8 hex>`: from the function's place (file name and qualified name) and the task's name.

    The folder and the tags play no part, so a task is the same task on every machine and under any tags.
    """
    import hashlib

    code = getattr(fn, "__code__", None)
    file = code.co_filename if code else type(fn).__module__
    place = os.path.splitext(os.path.basename(file))[0]
    qualified = getattr(fn, "__qualname__", type(fn).__qualname__)
    digest = hashlib.sha256(f"{place}:{qualified}:{name}".encode()).hexdigest()
    return f"{name}-{digest[:8]}"


def task_run_name(task: Task[Any, Any], count: int, parameters: dict[str, Any]) -> str:
    """`<task>-<8 hex>-<n>`, or what the task's `task_run_name` makes of the parameters."""
    if task.task_run_name is not None:
        return fill(task.task_run_name, parameters)
    return f"{task.task_key}-{count}"


def fill(pattern: str | Callable[[], str], parameters: dict[str, Any]) -> str:
    """A run's name from a template such as `load-{table}`, or from a function."""
    try:
        name = pattern() if callable(pattern) else pattern.format(**parameters)
    except Exception as error:
        raise ParameterError(
            f"The run name {pattern!r} cannot be made: {type(error).__name__}: {error}."
        ) from error
    return str(name)[:1000]


def file_version(fn: Callable[..., Any]) -> str | None:
    """The version of a flow that names none: a hash of its file."""
    import hashlib

    code = getattr(fn, "__code__", None)
    if code is None:
        return None
    try:
        with open(code.co_filename, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:32]
    except OSError:
        return None
