"""Outcome: what the proposer of a state is told, and the attempt token that goes into a header alone."""

from __future__ import annotations

from msgspec import Struct

from orion.model.states import OrchestrationResult, ResultDetails, SetStateStatus, State


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


def accepted(state: State | None) -> OrchestrationResult:
    """The state is stored."""
    return OrchestrationResult(state=state, status="ACCEPT", details=ResultDetails(type="accept_details"))


def rejected(state: State | None, reason: str | None) -> OrchestrationResult:
    """Another state holds."""
    details = ResultDetails(type="reject_details", reason=reason)
    return OrchestrationResult(state=state, status="REJECT", details=details)


def waiting(state: State | None, seconds: int, reason: str) -> OrchestrationResult:
    """Propose it again after some seconds."""
    details = ResultDetails(type="wait_details", delay_seconds=seconds, reason=reason)
    return OrchestrationResult(state=state, status="WAIT", details=details)


def aborted(state: State | None, reason: str) -> OrchestrationResult:
    """Stop without a state."""
    details = ResultDetails(type="abort_details", reason=reason)
    return OrchestrationResult(state=state, status="ABORT", details=details)
