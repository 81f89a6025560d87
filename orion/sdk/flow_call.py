"""One run of a flow in this process: everything that the steps of the engine need."""

from __future__ import annotations

import logging
import time
from typing import Any

from orion.model.states import StateCreate
from orion.sdk.answers import FlowRun
from orion.sdk.context import FlowRunContext
from orion.sdk.effects import Ask, Effect
from orion.sdk.flows import Flow
from orion.sdk.logs import RunLogger, flow_logger
from orion.sdk.parameters import Parameters
from orion.sdk.session import Session
from orion.sdk.states import State


class FlowCall:
    """A call of a flow, or a run of a deployment; `parent` is the calling flow run, `token` that of the attempt."""

    def __init__(
        self,
        flow: Flow[Any, Any],
        parameters: Parameters,
        session: Session,
        parent: FlowRunContext | None = None,
        *,
        token: str | None = None,
    ) -> None:
        self.flow, self.parameters, self.session = flow, parameters, session
        self.parent, self.token = parent, token
        self.run: FlowRun | None = None
        self.attempts = 0
        self.last_word: tuple[State, StateCreate] | None = None  # how the run ends, from when the API is told
        self.logger: RunLogger | logging.Logger = logging.getLogger("orion.flow_runs")

    @property
    def flow_run(self) -> FlowRun:
        assert self.run is not None
        return self.run

    def adopt(self, run: FlowRun) -> None:
        """From now on this is the run that the call is about."""
        self.run = run
        self.logger = flow_logger(self.flow, run, self.session)

    def set_state(self, wanted: StateCreate) -> Effect:
        """Propose a state for the run."""
        return Ask(self.session, "set_flow_run_state", self.flow_run.id, wanted, False, self.token)

    def context(self) -> FlowRunContext:
        """The context of a new attempt."""
        runner = self.flow.task_runner.duplicate()
        return FlowRunContext(
            self.flow,
            self.flow_run,
            self.parameters,
            self.session,
            runner,
            token=self.token,
            deadline=self._deadline(),
            attempt=self.attempts,
        )

    def _deadline(self) -> float | None:
        own = None if self.flow.timeout_seconds is None else time.monotonic() + self.flow.timeout_seconds
        outer = self.parent.deadline if self.parent else None
        return min((when for when in (own, outer) if when is not None), default=None)
