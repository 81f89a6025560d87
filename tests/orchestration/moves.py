"""The smallest moves that rules can judge, from words: `flow_move("RUNNING", "FAILED", retries=1)`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from orion.model.flow_runs import FlowRunPolicy
from orion.model.states import State, StateDetails, StateType, default_name
from orion.model.task_runs import TaskRunPolicy
from orion.model.wire import NULL, raw
from orion.orchestration.decide import decide
from orion.orchestration.facts import FlowFacts, FlowOf, Move, TaskFacts
from orion.orchestration.rules import FLOW_RULES, TASK_RULES
from orion.orchestration.verdicts import Abort, Accept, Instead, Verdict, Wait

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = "the holder's token"


def at(seconds: float) -> datetime:
    """Seconds after the moment at which the rules are asked."""
    return NOW + timedelta(seconds=seconds)


def state(text: str, *, data: Any = None, message: str | None = None, **details: Any) -> State:
    """`"SCHEDULED Late"`: a state of a type, and of a name if one is given."""
    kind, _, name = text.partition(" ")
    return State(
        id=f"id of {text}",
        type=cast(StateType, kind),
        name=name or default_name(cast(StateType, kind)),
        timestamp=NOW,
        message=message,
        data=NULL if data is None else raw(data),
        state_details=StateDetails(**details),
    )


def as_state(wanted: State | str | None) -> State | None:
    return state(wanted) if isinstance(wanted, str) else wanted


def flow_verdict(
    was: State | str | None, wanted: State | str, token: str | None = None, **facts: Any
) -> Verdict:
    """What the rules say to a flow run; `retries` and the like are of its policy."""
    policy = FlowRunPolicy(**{k: facts.pop(k) for k in list(facts) if k in FlowRunPolicy.__struct_fields__})
    run = FlowFacts(id="run", state=as_state(was), policy=policy, **facts)
    move = Move(was=run.state, wanted=cast(State, as_state(wanted)), run=run, now=NOW, token=token)
    return decide(FLOW_RULES, move)


def task_verdict(was: State | str | None, wanted: State | str, chance: float = 0.5, **facts: Any) -> Verdict:
    """What the rules say to a task run of a running flow, unless `flow` says otherwise."""
    policy = TaskRunPolicy(**{k: facts.pop(k) for k in list(facts) if k in TaskRunPolicy.__struct_fields__})
    facts = {"flow_run_id": "flow run", "flow": FlowOf(state_type="RUNNING", run_count=1), **facts}
    facts.setdefault("flow_run_run_count", facts["flow"].run_count if facts["flow"] else 0)
    run = TaskFacts(id="run", state=as_state(was), policy=policy, **facts)
    move = Move(was=run.state, wanted=cast(State, as_state(wanted)), run=run, now=NOW, chance=chance)
    return decide(TASK_RULES, move)


def said(verdict: Verdict) -> str:
    """A verdict in a word or two: `accept Retrying`, `reject` (nothing stored), `wait 30`, `abort`, …"""
    match verdict:
        case Accept(found):
            return f"accept {found.name}"
        case Instead(None, _):
            return "reject"
        case Instead(found, _):
            return f"instead {found.type} {found.name}"
        case Wait(seconds, _):
            return f"wait {seconds}"
        case Abort(_):
            return "abort"
