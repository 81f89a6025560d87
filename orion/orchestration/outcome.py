"""Outcome: what the proposer of a state is told, and the attempt token that goes into a header alone."""

from __future__ import annotations

from msgspec import Struct

from orion.model.states import OrchestrationResult, ResultDetails, SetStateStatus, State
from orion.orchestration.verdicts import Abort, Accept, Instead, Verdict, Wait


class Outcome(Struct):
    """The answer to a proposal. `token` is a new attempt token, never part of the body."""

    result: OrchestrationResult
    token: str | None = None

    @property
    def state(self) -> State | None:
        return self.result.state

    @property
    def status(self) -> SetStateStatus:
        return self.result.status

    @property
    def http_status(self) -> int:
        return self.result.http_status


def result_of(verdict: Verdict, state: State | None) -> OrchestrationResult:
    """A verdict as it is told; `state` is the one that the run is in now."""
    match verdict:
        case Accept():
            return accepted(state)
        case Instead(_, reason):
            return rejected(state, reason)
        case Wait(seconds, reason):
            details = ResultDetails(type="wait_details", delay_seconds=seconds, reason=reason)
            return OrchestrationResult(state=state, status="WAIT", details=details)
        case Abort(reason):
            details = ResultDetails(type="abort_details", reason=reason)
            return OrchestrationResult(state=state, status="ABORT", details=details)


def accepted(state: State | None) -> OrchestrationResult:
    """The state is stored."""
    return OrchestrationResult(state=state, status="ACCEPT", details=ResultDetails(type="accept_details"))


def rejected(state: State | None, reason: str | None) -> OrchestrationResult:
    """Another state holds."""
    details = ResultDetails(type="reject_details", reason=reason)
    return OrchestrationResult(state=state, status="REJECT", details=details)
