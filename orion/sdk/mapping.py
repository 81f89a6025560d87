"""`task.map`: one task run for each element."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from orion.sdk.annotations import Annotation, allow_failure, unmapped
from orion.sdk.calling import submit_task
from orion.sdk.context import FlowRunContext
from orion.sdk.errors import MappingLengthMismatch, MappingMissingIterable
from orion.sdk.futures import FutureList, OrionFuture
from orion.sdk.states import State
from orion.sdk.upstream import resolve

if TYPE_CHECKING:
    from orion.sdk.tasks import Task

Parameters = dict[str, Any]


def map_task(
    task: Task[Any, Any], parameters: Parameters, wait_for: Iterable[Any] | None, context: FlowRunContext
) -> FutureList[Any]:
    """Submit a run for each element of the iterable parameters; futures given whole are waited for and opened first."""
    opened = {name: _open(value, context) for name, value in _spread(task, parameters).items()}
    columns = {name: list(value) for name, value in opened.items() if _is_column(value)}
    length = _length(task, columns)
    waiting = None if wait_for is None else list(wait_for)
    futures: FutureList[Any] = FutureList()
    for place in range(length):
        row = {name: columns[name][place] if name in columns else value for name, value in opened.items()}
        futures.append(submit_task(task, _gather(task, row), waiting, context))
    return futures


def _open(value: Any, context: FlowRunContext) -> Any:
    """A future or state given as a whole stands for the iterable that it holds."""
    if isinstance(value, unmapped):
        return value
    marked = isinstance(value, allow_failure)
    inner = value.value if marked else value
    if isinstance(inner, OrionFuture):
        inner.done.result()
        whole = resolve(inner)
    elif isinstance(inner, State):
        whole = resolve(inner)
    else:
        return value
    if isinstance(whole, BaseException):
        return unmapped(value)
    source = inner.task_run_id if isinstance(inner, OrionFuture) else inner.state_details.task_run_id
    elements = list(whole) if _is_column(whole) else whole
    if isinstance(elements, list) and source:
        for element in elements:
            context.remember(element, source)
    return elements


def _is_column(value: Any) -> bool:
    if isinstance(value, (str, bytes, dict, Annotation, OrionFuture, State)):
        return False
    return isinstance(value, Iterable)


def _length(task: Task[Any, Any], columns: dict[str, list[Any]]) -> int:
    if not columns:
        raise MappingMissingIterable(
            f"{task.name}.map needs at least one argument that is iterable (and not unmapped)."
        )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise MappingLengthMismatch(
            f"{task.name}.map needs iterables of one length, but {told}. Mark fixed arguments with unmapped(...)."
        )
    return next(iter(lengths.values()))


def _spread(task: Task[Any, Any], parameters: Parameters) -> Parameters:
    """Defaults are fixed values; the elements of `**kwargs` are parameters of their own."""
    found: Parameters = {}
    for name, value in parameters.items():
        parameter = task.signature.parameters[name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        elif value is parameter.default and not isinstance(value, Annotation):
            found[name] = unmapped(value)
        else:
            found[name] = value
    return found


def _gather(task: Task[Any, Any], row: Parameters) -> Parameters:
    row = {name: value.value if isinstance(value, unmapped) else value for name, value in row.items()}
    for name, parameter in task.signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            rest = {key: row.pop(key) for key in list(row) if key not in task.signature.parameters}
            row[name] = rest
    return row
