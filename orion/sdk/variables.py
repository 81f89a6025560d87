"""Variables: small named values that flows read. In async code the functions are awaited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orion.blocks.api import run
from orion.blocks.steps import Steps, ask, found
from orion.errors import Conflict
from orion.model.variables import Variable, VariableCreate, VariableUpdate
from orion.model.wire import raw, unraw

__all__ = ["get", "set", "unset"]


def get(name: str, default: Any = None) -> Any:
    """The value of a variable; `default` where there is none of that name."""
    return run(_get(name, default))


def set(name: str, value: Any, *, tags: Sequence[str] = (), overwrite: bool = True) -> Any:
    """Give a variable a value, any JSON up to 5,000 characters; the variable."""
    return run(_set(name, value, tags, overwrite))


def unset(name: str) -> Any:
    """Delete a variable; whether there was one."""
    return run(_unset(name))


def _get(name: str, default: Any) -> Steps[Any]:
    variable: Variable | None = yield from found("read_variable_by_name", name)
    return default if variable is None else unraw(variable.value)


def _set(name: str, value: Any, tags: Sequence[str], overwrite: bool) -> Steps[Variable]:
    before: Variable | None = yield from found("read_variable_by_name", name)
    if before is None:
        made: Variable = yield from ask(
            "create_variable", VariableCreate(name=name, value=raw(value), tags=list(tags))
        )
        return made
    if not overwrite:
        raise Conflict(f"The variable {name!r} has a value already.")
    changes = VariableUpdate(value=raw(value))
    if tags:
        changes.tags = list(tags)
    yield from ask("update_variable_by_name", name, changes)
    changed: Variable = yield from ask("read_variable_by_name", name)
    return changed


def _unset(name: str) -> Steps[bool]:
    if (yield from found("read_variable_by_name", name)) is None:
        return False
    yield from ask("delete_variable_by_name", name)
    return True
