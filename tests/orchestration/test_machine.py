"""A state machine over the pure engine: whatever is proposed, in whatever order, the invariants hold.

I2 one process enters RUNNING for each attempt, and only the holder of its token; I3 endings are left only by force or
by a new attempt; I6 the history only grows and agrees with the run; I7 what hangs on a state follows it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from orion.model.flow_runs import FlowRunPolicy
from orion.model.ids import new_id
from orion.model.states import FINAL, State, StateDetails, default_name
from orion.model.task_runs import TaskRunPolicy
from orion.model.wire import NULL, raw
from orion.orchestration.attempts import Terms, hold_after
from orion.orchestration.bookkeeping import bookkeep, policy_after
from orion.orchestration.decide import decide
from orion.orchestration.entering import not_before
from orion.orchestration.facts import FlowFacts, FlowOf, Limit, Move, TaskFacts
from orion.orchestration.rules import FLOW_RULES, TASK_RULES
from orion.orchestration.verdicts import Accept, Instead
from tests.orchestration.moves import NOW

TYPES = (
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "PAUSED",
    "CANCELLING",
    "COMPLETED",
    "FAILED",
    "CRASHED",
    "CANCELLED",
)
NAMES = st.sampled_from(["", "", "", "Late", "AwaitingRetry", "Submitting", "Resuming"])
DATA = st.sampled_from([None, {"type": "unpersisted"}, {"type": "reference"}])
SLOTS = 1


class Engine(RuleBasedStateMachine):
    """One deployed flow run, claimed by agents with tokens, and its task runs, all with the same limited tag."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.flow = FlowFacts(id="flow", deployment_id="d", policy=FlowRunPolicy(retries=1, retry_delay=3))
        self.tasks = [
            TaskFacts(id=f"t{n}", flow_run_id="flow", policy=TaskRunPolicy(retries=1)) for n in range(3)
        ]
        self.history: dict[str, list[State]] = {"flow": [], **{task.id: [] for task in self.tasks}}
        self.slots: set[str] = set()
        self.tokens: list[str] = []
        self._enter_flow(self._state("SCHEDULED", scheduled_time=self.now), None)

    def _state(self, kind: Any, name: str = "", data: Any = None, **details: Any) -> State:
        wanted = State(
            id=new_id(),
            type=kind,
            name=name or default_name(kind),
            timestamp=self.now,
            data=NULL if data is None else raw(data),
            state_details=StateDetails(**details),
        )
        if kind == "SCHEDULED" and wanted.state_details.scheduled_time is None:
            wanted.state_details = replace(wanted.state_details, scheduled_time=self.now)
        return wanted

    def _enter_flow(self, state: State, token: str | None) -> None:
        was = self.flow.state
        state = not_before(state, was)
        after = replace(bookkeep(self.flow, state), policy=policy_after(self.flow.policy, was, state))
        self.flow = hold_after(after, was.type if was else None, self.now, token, Terms())
        self.history["flow"].append(state)

    def _propose_flow(self, state: State, token: str | None = None, new_token: str | None = None) -> bool:
        """Whether the proposal was accepted; the verdict is held against I2 and I3."""
        before, left = self.flow, self.flow.state
        verdict = decide(FLOW_RULES, Move(was=left, wanted=state, run=before, now=self.now, token=token))
        stored = verdict.state if isinstance(verdict, Accept | Instead) else None
        if stored is None or left is None:
            return False
        if stored.type == "RUNNING":
            assert left.type != "RUNNING"
            assert left.type == "PAUSED" or token == before.attempt_token
        if stored.type == "PENDING":
            assert left.type in ("SCHEDULED", "PENDING")
        if left.type in FINAL:
            assert stored.type == "SCHEDULED"
        self._enter_flow(stored, new_token if stored.type == "PENDING" and left.type != "PENDING" else None)
        return isinstance(verdict, Accept)

    @rule(seconds=st.sampled_from([0, 1, 5, 60, -30]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def an_agent_claims(self) -> None:
        token = f"token {len(self.tokens)}"
        self.tokens.append(token)
        if self._propose_flow(self._state("PENDING"), new_token=token):
            assert self.flow.attempt_token == token

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def a_process_starts(self, data: st.DataObject) -> None:
        self._propose_flow(self._state("RUNNING"), token=data.draw(st.sampled_from(self.tokens)))

    @rule()
    def an_attempt_begins(self) -> None:
        self.an_agent_claims()
        self._propose_flow(self._state("RUNNING"), token=self.tokens[-1])

    @rule(kind=st.sampled_from(TYPES), name=NAMES, result=DATA, data=st.data())
    def somebody_proposes(self, kind: str, name: str, result: Any, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from([None, "a guess", *self.tokens]))
        stranger, was = token is not None and token != self.flow.attempt_token, self.flow.state
        self._propose_flow(self._state(kind, name, result), token=token)
        assert not stranger or self.flow.state is was

    @rule(kind=st.sampled_from(TYPES))
    def somebody_forces(self, kind: str) -> None:
        self._enter_flow(self._state(kind), None)

    @rule()
    def every_task_starts(self) -> None:
        for index in range(len(self.tasks)):
            self.a_task_is_proposed(index, "RUNNING", None)

    @rule(index=st.integers(0, 2), kind=st.sampled_from(TYPES), result=DATA)
    def a_task_is_proposed(self, index: int, kind: str, result: Any) -> None:
        state = self.flow.state
        task = self.tasks[index]
        others = self.slots - {task.id}
        task.flow = FlowOf(state_type=state.type if state else None, run_count=self.flow.run_count)
        task.limits = (Limit(id="l", tag="db", slots=SLOTS, taken=len(others)),)
        wanted, before = self._state(kind, data=result), task.state
        verdict = decide(TASK_RULES, Move(was=before, wanted=wanted, run=task, now=self.now))
        stored = verdict.state if isinstance(verdict, Accept | Instead) else None
        if stored is None:
            return
        if before is not None and before.type in FINAL:
            assert task.reopened and stored.type not in FINAL
        if stored.type == "RUNNING":
            assert state is not None and state.type == "RUNNING"
        self._enter_task(index, stored)

    @rule(index=st.integers(0, 2), kind=st.sampled_from(sorted(set(TYPES) - {"RUNNING"})))
    def a_task_is_forced(self, index: int, kind: str) -> None:
        self._enter_task(index, self._state(kind))

    def _enter_task(self, index: int, state: State) -> None:
        task = self.tasks[index]
        state = not_before(state, task.state)
        after = bookkeep(task, state)
        if state.type == "RUNNING":
            after.flow_run_run_count = self.flow.run_count
            self.slots.add(task.id)
        elif task.state is not None and task.state.type == "RUNNING":
            self.slots.discard(task.id)
        self.tasks[index] = after
        self.history[task.id].append(state)

    @invariant()
    def the_run_is_in_the_last_state_of_its_history(self) -> None:
        for run in (self.flow, *self.tasks):
            states = self.history[run.id]
            assert run.state == (states[-1] if states else None)
            times = [state.timestamp for state in states]
            assert times == sorted(times)

    @invariant()
    def the_columns_follow_the_state(self) -> None:
        for run in (self.flow, *self.tasks):
            if run.state is None:
                continue
            assert (run.next_scheduled_start_time is not None) == (run.state.type == "SCHEDULED")
            assert run.total_run_time >= 0 and (run.start_time is None) <= (run.run_count == 0)
            if run.state.type in FINAL:
                assert (run.end_time is None) == (run.start_time is None)
            assert run.state.type in FINAL or run.end_time is None

    @invariant()
    def slots_are_held_by_running_tasks_and_never_too_many(self) -> None:
        assert self.slots == {
            task.id for task in self.tasks if task.state is not None and task.state.type == "RUNNING"
        }
        assert len(self.slots) <= SLOTS

    @invariant()
    def nobody_holds_a_run_that_waits_for_an_agent(self) -> None:
        state = self.flow.state
        if state is not None and state.type == "SCHEDULED" and self.flow.policy.retry_type != "in_process":
            assert self.flow.attempt_token is None
            assert self.flow.lease_until is None
        if state is not None and state.type in ("COMPLETED", "FAILED", "CANCELLED"):
            assert self.flow.lease_until is None


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
