"""Decide: the first rule that speaks gives the verdict; silence accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orion.orchestration.facts import Move
from orion.orchestration.verdicts import Accept, Verdict

Rule = Callable[[Move], Verdict | None]


def decide(rules: Iterable[Rule], move: Move) -> Verdict:
    """What happens to the proposal. Pure: the same move always gets the same verdict."""
    for rule in rules:
        verdict = rule(move)
        if verdict is not None:
            return verdict
    return Accept(move.wanted)
