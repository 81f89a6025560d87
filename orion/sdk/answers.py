"""The API's answers as the SDK decodes them: the model's structs, with states that know their result."""

from __future__ import annotations

from msgspec import Struct

from orion.model import flow_runs, task_runs
from orion.model.states import ResultDetails, SetStateStatus
from orion.sdk.states import State


class FlowRun(flow_runs.FlowRun, kw_only=True):
    """A flow run; `state.result()` reads what it gave."""

    state: State | None = None


class TaskRun(task_runs.TaskRun, kw_only=True):
    """A task run; `state.result()` reads what it gave."""

    state: State | None = None


class Answer(Struct, kw_only=True):
    """The answer to a proposed state."""

    state: State | None
    status: SetStateStatus
    details: ResultDetails

    @property
    def reason(self) -> str:
        return self.details.reason if isinstance(self.details.reason, str) else ""

    @property
    def delay(self) -> float:
        return float(self.details.delay_seconds) if isinstance(self.details.delay_seconds, int) else 0.0
