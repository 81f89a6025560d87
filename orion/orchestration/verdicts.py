"""Verdicts: what the rules can say to a proposed state. A value, so that nothing has to be undone."""

from __future__ import annotations

from msgspec import Struct

from orion.model.states import State


class Accept(Struct, frozen=True):
    """Store `state`: the proposal, perhaps renamed or completed."""

    state: State


class Instead(Struct, frozen=True):
    """Store `state` in place of the proposal; None stores nothing and the run keeps its state."""

    state: State | None
    reason: str


class Wait(Struct, frozen=True):
    """Store nothing; the client proposes the same again after `seconds`."""

    seconds: int
    reason: str


class Abort(Struct, frozen=True):
    """Store nothing; the client stops without setting a state."""

    reason: str


Verdict = Accept | Instead | Wait | Abort
