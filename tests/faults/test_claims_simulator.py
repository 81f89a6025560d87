"""Claims under faults, simulated: agents and processes that stall, crash and lose answers, and a clock that leaps.

Every seed is one deterministic story in one transaction that is rolled back. Held against it: I2 (a run is on one
hand at a time, each attempt enters RUNNING once, and who was replaced is refused, whatever it sends) and I10 (when
everything is dead, at any time, nothing stays held and what has tries left waits for the next; and then healthy agents
bring every run to an end).
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from orion.model.flow_runs import FlowRun, FlowRunCreate, FlowRunPolicy
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.states import FINAL, StateCreate
from orion.model.work_queues import WorkQueueCreate
from orion.orchestration import Outcome, claim_runs, create_flow_run, heartbeat, propose_flow_run
from orion.orchestration.attempts import terms
from orion.services import leases, presence
from orion.store import Conn, Store, duties, flow_runs, flows, work_queues
from tests.orchestration.world import NOON, wish

RUNS = 6
RETRIES = 2
STORY = (30.0, 900.0)  # when everybody dies, at the earliest and at the latest
SWEEP = 5.0


class Over(Exception):
    """The story is told; its transaction goes."""


class Inline:
    """A store for the sweep whose every transaction is the one of the story."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn

    def write_now(self, fn: Callable[..., Any], *args: Any, lane: Any = None, **kw: Any) -> Any:
        return fn(self.conn, *args, **kw)

    read_now = write_now


class Attempt:
    """An agent's hold on a run, and the process that it starts."""

    def __init__(self, run_id: str, token: str) -> None:
        self.run_id = run_id
        self.token = token
        self.started = False


class Story:
    """Events in the order of their time; each event may put further ones on the heap."""

    def __init__(self, conn: Conn, seed: int) -> None:
        self.conn = conn
        self.rng = random.Random(seed)
        self.clock, self.skew = 0.0, 0.0
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.faulty = True
        self.holder: dict[str, str] = {}
        self.claimed = Counter[str]()
        self.on_hand: dict[str, tuple[datetime, str, float]] = {}
        self.store = Inline(conn)
        flow = flows.create(conn, FlowCreate(name=new_id()), NOON)[0]
        self.queue = work_queues.create(conn, WorkQueueCreate(name="q"), NOON)
        policy = FlowRunPolicy(retries=self.rng.choice([0, RETRIES]), retry_delay=1)
        for _ in range(RUNS):
            wanted = FlowRunCreate(
                flow_id=flow.id,
                deployment_id=new_id(),
                work_queue_name="q",
                empirical_policy=policy,
                state=wish("SCHEDULED", scheduled_time=NOON + timedelta(seconds=self.rng.uniform(0, 60))),
            )
            create_flow_run(conn, wanted, NOON)
        self.runs = [
            row[0] for row in conn.all("SELECT id FROM flow_run WHERE flow_id = :id", {"id": flow.id})
        ]

    @property
    def now(self) -> datetime:
        """The server's clock."""
        return NOON + timedelta(seconds=self.clock + self.skew)

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (self.clock + seconds, next(self.order), event))

    def run_until(self, end: float) -> None:
        while self.heap and self.heap[0][0] <= end:
            self.clock, _, event = heapq.heappop(self.heap)
            event()
        self.clock = end

    def fault(self, chance: float) -> bool:
        return self.faulty and self.rng.random() < chance

    def sweep(self) -> None:
        duties.serve(self.conn, self.now, presence.gap())
        leases.sweep(self.store, self.now)  # type: ignore[arg-type]
        self.after(SWEEP, self.sweep)

    def leap(self) -> None:
        """The server's clock is set."""
        self.skew += self.rng.choice([-20.0, -5.0, 45.0, 3600.0])
        self.after(self.rng.uniform(100, 500), self.leap)

    def propose(self, attempt: Attempt, wanted: StateCreate | str) -> Outcome:
        """What a process sends; a lost answer makes it send the same again."""
        wanted = wish(wanted, transition_id=new_id()) if isinstance(wanted, str) else wanted
        free = self.is_free(attempt.run_id)
        outcome = propose_flow_run(self.conn, attempt.run_id, wanted, self.now, token=attempt.token)
        if self.fault(0.2):
            again = propose_flow_run(self.conn, attempt.run_id, wanted, self.now, token=attempt.token)
            assert again.status == outcome.status or outcome.status in ("ABORT", "WAIT")
        if outcome.status != "ABORT":
            assert self.holder[attempt.run_id] == attempt.token, "a replaced holder was heard"
            assert not free, "a holder was heard whose run has gone back to the queue"
        return outcome

    def is_free(self, run_id: str) -> bool:
        """Whether the run waits for whoever takes it, and not for its own process."""
        run = flow_runs.get(self.conn, run_id)
        assert run is not None
        return run.state_type == "SCHEDULED" and run.empirical_policy.retry_type != "in_process"

    def agent(self, name: str) -> None:
        """One poll of an agent, which may die at any point of it; another one takes its place."""
        found = claim_runs(self.conn, self.queue, self.now, self.rng.randint(1, 3), self.now, name)
        for run in found:
            self._take_on_hand(run.id, run.state_id or "")
            if not self.fault(0.15):
                self.after(self._delay(40), lambda run_id=run.id: self.claim(run_id))  # type: ignore[misc]
        self.after(self.rng.uniform(1, 20), lambda: self.agent(name))

    def _take_on_hand(self, run_id: str, state_id: str) -> None:
        until, seen, skew = self.on_hand.get(run_id, (NOON, "", 0.0))
        assert seen != state_id or until <= self.now or skew != self.skew, "a run was on two hands at once"
        self.on_hand[run_id] = (self.now + timedelta(seconds=30), state_id, self.skew)

    def claim(self, run_id: str) -> None:
        wanted = wish("PENDING", transition_id=new_id())
        outcome = propose_flow_run(self.conn, run_id, wanted, self.now, claim=True)
        if self.fault(0.2):
            again = propose_flow_run(self.conn, run_id, wanted, self.now, claim=True)
            assert again.token == outcome.token
        if outcome.status != "ACCEPT":
            return
        assert outcome.token and outcome.token != self.holder.get(run_id)
        self.holder[run_id] = outcome.token
        self.claimed[run_id] += 1
        attempt = Attempt(run_id, outcome.token)
        heartbeat(self.conn, run_id, attempt.token, self.now)
        if not self.fault(0.2):
            self.after(self._delay(150), lambda: self.start(attempt))

    def start(self, attempt: Attempt) -> None:
        """The process asks for RUNNING, perhaps long after its lease."""
        outcome = self.propose(attempt, "RUNNING")
        if outcome.status == "ACCEPT":
            assert not attempt.started, "an attempt entered RUNNING twice"
            attempt.started = True
            self.after(0, lambda: self.live(attempt, self.clock + self.rng.uniform(1, 120)))

    def live(self, attempt: Attempt, end: float) -> None:
        """The process beats, stalls, dies, or comes to an end."""
        if heartbeat(self.conn, attempt.run_id, attempt.token, self.now).cancel or self.fault(0.05):
            return
        if self.clock < end:
            stall = self.rng.uniform(60, 200) if self.fault(0.1) else 15.0
            return self.after(stall, lambda: self.live(attempt, end))
        wanted = self.rng.choices(["COMPLETED", "FAILED", "CRASHED"], [6, 2, 2 if self.faulty else 0])[0]
        outcome = self.propose(attempt, wanted)
        waits = (
            outcome.status == "REJECT" and outcome.state is not None and outcome.state.name == "AwaitingRetry"
        )
        if waits and not self.fault(0.3):
            self.after(2, lambda: self.again(attempt))

    def again(self, attempt: Attempt) -> None:
        """The same process runs its own retry."""
        if self.propose(attempt, "RUNNING").status == "ACCEPT":
            self.after(0, lambda: self.live(attempt, self.clock + 10))

    def _delay(self, worst: float) -> float:
        return self.rng.uniform(5, worst) if self.fault(0.2) else self.rng.uniform(0, 2)

    def found(self) -> list[FlowRun]:
        found = (flow_runs.get(self.conn, run_id) for run_id in self.runs)
        return [run for run in found if run is not None]

    def states(self) -> list[str]:
        return [run.state_type for run in self.found() if run.state_type is not None]

    def given_up(self) -> list[str]:
        """Runs that have crashed for good, though they had begun and have tries and submissions left."""
        return [
            run.id
            for run in self.found()
            if run.state_type == "CRASHED"
            and 0 < run.run_count <= (run.empirical_policy.retries or 0)
            and self.claimed[run.id] < terms().submits
        ]


def told(conn: Conn, seed: int) -> Iterator[Story]:
    """The story of a seed, chapter by chapter."""
    story = Story(conn, seed)
    for n in range(4):
        story.after(story.rng.uniform(0, 5), lambda n=n: story.agent(f"agent {n}"))  # type: ignore[misc]
    story.after(0, story.sweep)
    story.after(200, story.leap)
    story.run_until(story.rng.uniform(*STORY))
    yield story
    story.heap.clear()
    story.after(0, story.sweep)
    story.run_until(story.clock + 300)
    yield story
    story.faulty = False
    story.after(0, lambda: story.agent("healthy"))
    story.run_until(story.clock + 1500)
    yield story


def tell(conn: Conn, seed: int) -> None:
    chapters = told(conn, seed)
    next(chapters)
    dead = next(chapters)
    assert set(dead.states()) <= FINAL | {"SCHEDULED"}, (
        f"seed {seed}: with everybody dead there are {dead.states()}"
    )
    held = conn.one("SELECT count(*) FROM flow_run WHERE claim_until IS NOT NULL OR lease_until IS NOT NULL")
    assert held == (0,), f"seed {seed}: somebody still holds a run"
    assert not dead.given_up(), f"seed {seed}: a crashed run with tries left waits for nothing"
    healthy = next(chapters)
    assert set(healthy.states()) <= FINAL, f"seed {seed}: not every run came to an end: {healthy.states()}"
    raise Over


@pytest.mark.row("AG-08")
@pytest.mark.parametrize("block", range(3))
def test_no_story_of_agents_breaks_a_claim(sqlite_store: Store, block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        with suppress(Over):
            sqlite_store.write_now(tell, seed)


@pytest.mark.postgres
def test_postgres_tells_the_same_story(store: Store) -> None:
    for seed in (1, 2, 3):
        with suppress(Over):
            store.write_now(tell, seed)
