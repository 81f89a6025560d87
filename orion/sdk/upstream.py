"""What a task depends on: futures and states in its arguments, the data in their place, and the record of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orion.model.task_runs import TaskRunInput
from orion.sdk.annotations import Annotation, allow_failure, quote, strip
from orion.sdk.context import FlowRunContext
from orion.sdk.futures import OrionFuture
from orion.sdk.states import State
from orion.sdk.visiting import ATOMS, leaves, replace


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
        if type(value) in ATOMS or isinstance(value, quote):
            return
        if isinstance(value, Annotation):
            return self._collect(value.value, required and not isinstance(value, allow_failure))
        leaves(value, lambda leaf: self._leaf(leaf, value, required))

    def _leaf(self, leaf: Any, whole: Any, required: bool) -> None:
        if isinstance(leaf, OrionFuture):
            self.futures.append(leaf)
        if isinstance(leaf, (OrionFuture, State)):
            if required:
                self.required.append(leaf)
        elif isinstance(leaf, Annotation):
            self._collect(leaf, required)

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
    whole = context.source_of(value)
    if whole is not None:
        return [_run(whole)]
    if type(value) in ATOMS:
        return []
    found: dict[str, None] = {}

    def look(leaf: Any) -> None:
        run = _run_id(strip(leaf), context)
        if run is not None:
            found[run] = None
        elif isinstance(leaf, Annotation) and not isinstance(leaf, quote):
            leaves(leaf.value, look)

    leaves(value, look)
    return [_run(run) for run in found]


def _run_id(leaf: Any, context: FlowRunContext) -> str | None:
    if isinstance(leaf, OrionFuture):
        return leaf.task_run_id
    if isinstance(leaf, State):
        return leaf.state_details.task_run_id
    return context.source_of(leaf)


def _run(task_run_id: str) -> TaskRunInput:
    return TaskRunInput(input_type="task_run", id=task_run_id)
