"""What a task depends on: futures and states in its arguments, the data in their place, and the record of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orion.model.task_runs import TaskRunInput
from orion.sdk.annotations import Annotation, allow_failure, quote, strip
from orion.sdk.context import FlowRunContext
from orion.sdk.futures import OrionFuture
from orion.sdk.states import State
from orion.sdk.visiting import ATOMS, replace, walk


class Upstream:
    """The futures and states found in the arguments of one call."""

    def __init__(self, parameters: dict[str, Any], wait_for: Iterable[Any] | None = None) -> None:
        self.parameters = parameters
        self.wait_for = list(wait_for or ())
        self.futures: list[OrionFuture[Any]] = []
        self.required: list[OrionFuture[Any] | State] = []
        for value in (*parameters.values(), self.wait_for):
            self._collect(value, required=True)

    def _collect(self, value: Any, required: bool) -> None:
        walk(value, lambda node: self._look(node, required))

    def _look(self, node: Any, required: bool) -> bool:
        if isinstance(node, OrionFuture):
            self.futures.append(node)
        if isinstance(node, (OrionFuture, State)) and required:
            self.required.append(node)
        if isinstance(node, Annotation) and not isinstance(node, quote):
            self._collect(node.value, required and not isinstance(node, allow_failure))
        return isinstance(node, (OrionFuture, State, Annotation))

    def not_completed(self) -> OrionFuture[Any] | State | None:
        """The first upstream run that must be COMPLETED and is not; all futures are done by now."""
        return next((up for up in self.required if not _state(up).is_completed()), None)

    def data(self) -> dict[str, Any]:
        """The parameters with data in place of futures and states."""
        return {name: resolve(value) for name, value in self.parameters.items()}


def _state(upstream: OrionFuture[Any] | State) -> State:
    return upstream if isinstance(upstream, State) else upstream.final_state()


def resolve(value: Any) -> Any:
    """`value` with the data of finished futures and states in their place, and without marks."""
    if type(value) in ATOMS:
        return value
    if isinstance(value, quote):
        return value.value
    if isinstance(value, Annotation):
        return resolve(value.value)
    return replace(value, _data_of)


def _data_of(leaf: Any) -> Any:
    if isinstance(leaf, OrionFuture):
        return leaf.final_state().result(raise_on_failure=False)
    if isinstance(leaf, State):
        return leaf.result(raise_on_failure=False)
    return resolve(leaf) if isinstance(leaf, Annotation) else leaf


Inputs = dict[str, list[TaskRunInput]]


def record(parameters: dict[str, Any], wait_for: Iterable[Any] | None, context: FlowRunContext) -> Inputs:
    """Where each argument came from: task runs, a parameter of the flow, or a constant."""
    inputs = {name: _sources(value, context) for name, value in parameters.items()}
    if wait_for:
        inputs["wait_for"] = _runs_in(list(wait_for), context)
    return inputs


def _sources(value: Any, context: FlowRunContext) -> list[TaskRunInput]:
    value = strip(value)
    runs = _runs_in(value, context)
    if runs:
        return runs
    name = context.parameter_name(value)
    if name is not None:
        return [TaskRunInput(input_type="parameter", name=name)]
    return [TaskRunInput(input_type="constant", type=type(value).__name__)]


def _runs_in(value: Any, context: FlowRunContext) -> list[TaskRunInput]:
    found: dict[str, None] = {}

    def look(node: Any) -> bool:
        run = _run_id(node, context)
        if run is not None:
            found[run] = None
        elif isinstance(node, Annotation) and not isinstance(node, quote):
            walk(node.value, look)
        return run is not None or isinstance(node, (Annotation, State))

    walk(value, look)
    return [_run(run) for run in found]


def _run_id(node: Any, context: FlowRunContext) -> str | None:
    if isinstance(node, OrionFuture):
        return node.task_run_id
    if isinstance(node, State):
        return node.state_details.task_run_id
    return context.source_of(node)


def _run(task_run_id: str) -> TaskRunInput:
    return TaskRunInput(input_type="task_run", id=task_run_id)
