"""What is looked up to tell why runs wait: once for all runs of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from orion.model.deployments import Deployment
from orion.model.flow_runs import FlowRun
from orion.model.limits import ConcurrencyLimitV2
from orion.model.waiting import Cause
from orion.model.work_queues import WorkQueue
from orion.store import (
    claims,
    concurrency_limits_v2,
    deployment_limits,
    deployments,
    slot_waiters,
    waiting,
    work_queues,
)
from orion.store.base import Conn
from orion.store.slot_waiters import Wish
from orion.store.waiting import Hold

NOBODY = Hold(None, None, None, None)


class Look:
    """One look at the database at one moment; what it has seen it does not read again."""

    def __init__(self, conn: Conn, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self._serving = work_queues.Serving(conn, now)
        self._used: dict[str, int] = {}
        self._chains: dict[str, list[Cause]] = {}
        self._holds: dict[str, Hold] = {}
        self._told: dict[str, tuple[str, datetime]] = {}
        self._rooms: deployment_limits.Rooms | None = None
        self._deployments: dict[str, Deployment | None] = {}
        self._limits: dict[str, ConcurrencyLimitV2 | None] = {}
        self._wishes: dict[str, Wish | None] = {}

    def expect(self, runs: list[FlowRun]) -> None:
        """Look once for all of these: at who has them on hand, at their queues, and at what agents told of them."""
        self._serving.expect(run.work_queue_name for run in runs if run.deployment_id)
        ids = [run.id for run in runs if run.id not in self._holds]
        self._holds |= waiting.holds(self.conn, ids) if ids else {}
        starting = {
            run.id: run.state.timestamp
            for run in runs
            if run.state_type == "PENDING" and run.deployment_id and run.state and run.id in ids
        }
        self._told |= waiting.told_of(self.conn, starting) if starting else {}

    def hold(self, run: FlowRun) -> Hold:
        """Who has a run on hand."""
        if run.id not in self._holds:
            self.expect([run])
        return self._holds.get(run.id, NOBODY)

    def told(self, run: FlowRun) -> tuple[str, datetime] | None:
        """What an agent told last of what a run that starts waits for, and when."""
        self.hold(run)
        return self._told.get(run.id)

    def expect_wishes(self, run_ids: Iterable[str]) -> None:
        """Look once for all of these: at the slots that their code waits for."""
        unknown = {id for id in run_ids if id not in self._wishes}
        if unknown:
            self._wishes |= dict.fromkeys(unknown) | slot_waiters.of_runs(self.conn, unknown, self.now)

    def wish(self, run_id: str) -> Wish | None:
        """The slots of named limits that a run's code waits for; None when it does not, as far as it has asked."""
        self.expect_wishes([run_id])
        return self._wishes[run_id]

    def chain(self, queue: WorkQueue, read: Callable[[Look, WorkQueue], list[Cause]]) -> list[Cause]:
        """What a queue has to do with the waiting of its runs: the same for all of them."""
        if queue.id not in self._chains:
            self._chains[queue.id] = read(self, queue)
        return self._chains[queue.id]

    def queues(self, run: FlowRun) -> list[WorkQueue]:
        """The queues that serve a run: that of its name, and those whose filter it fits."""
        return self._serving.run(run.work_queue_name, run.deployment_id or "", set(run.tags))

    def used(self, queue: WorkQueue) -> int:
        """How much of a queue's limit is in use."""
        if queue.id not in self._used:
            self._used[queue.id] = claims.used(self.conn, queue, self.now)
        return self._used[queue.id]

    def room(self, deployment_id: str) -> int | None:
        """How many more runs of a deployment may be under way; None without a limit that makes runs wait."""
        if self._rooms is None:
            self._rooms = deployment_limits.rooms(self.conn, self.now)
        return self._rooms.left.get(deployment_id)

    def deployment(self, id: str) -> Deployment | None:
        if id not in self._deployments:
            self._deployments[id] = deployments.get(self.conn, id, self.now)
        return self._deployments[id]

    def limit(self, name: str) -> ConcurrencyLimitV2 | None:
        """A named limit, or that of a tag (`tag:NAME`), with the slots that are taken."""
        if name not in self._limits:
            self._limits[name] = concurrency_limits_v2.get(self.conn, name, self.now)
        return self._limits[name]
