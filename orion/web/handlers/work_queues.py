"""Work queues: what agents poll, and the long poll itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from orion.errors import NotFound
from orion.model.flow_runs import FlowRun
from orion.model.times import as_utc
from orion.model.work_queues import GetRuns, WorkQueue
from orion.orchestration import claim_runs, give_back_runs
from orion.orchestration.line import Ticket
from orion.store import claims, work_queues
from orion.store.base import Subscription
from orion.web.call import Call, Reply
from orion.web.paging import window

PREVIEW_AHEAD = timedelta(seconds=60)
MOST = 200
NOTED_EVERY = timedelta(seconds=20)
MOST_NOTED = 10_000
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST = 30.0
NEVER = float("-inf")


async def create(call: Call) -> Reply:
    """Create a work queue."""
    return Reply(
        await call.store.write(work_queues.create, call.body, call.now), status=201, location="queues"
    )


async def read(call: Call) -> Reply:
    """Read a work queue."""
    return Reply(_found(await call.store.glance(work_queues.get, call.path["id"], call.now)))


async def read_by_name(call: Call) -> Reply:
    """Read a work queue by its name."""
    return Reply(_found(await call.store.glance(work_queues.by_name, call.path["name"], call.now)))


async def update(call: Call) -> Reply:
    """Change the fields of a work queue that are sent."""
    await call.store.write(work_queues.update, call.path["id"], call.body, call.now)
    return Reply(status=204, location=f"queues/{call.path['id']}")


async def delete(call: Call) -> Reply:
    """Delete a work queue; its runs stay."""
    await call.store.write(work_queues.delete, call.path["id"])
    return Reply(status=204, location="queues")


async def filter(call: Call) -> Reply:
    """List work queues."""
    limit, offset = window(call)
    return Reply(await call.store.read(work_queues.filter, call.body.work_queues, limit, offset, call.now))


async def status(call: Call) -> Reply:
    """Say how a queue fares: late runs, and when it was polled."""
    status = await call.store.read(work_queues.status, call.path["id"], call.now)
    if status is None:
        raise NotFound("Work queue not found")
    return Reply(status)


async def get_runs(call: Call) -> Reply:
    """Hand out the runs of a queue that are due.

    Each is kept for the caller for 30 s. With `wait_seconds` an empty answer waits for a run to come due; of several
    who wait the first is served first. With `scheduled_before` more than a minute ahead it is a preview: nothing is
    handed out.
    """
    body: GetRuns = call.body
    queue = _found(await call.store.glance(work_queues.get, call.path["id"], call.now))
    ahead = as_utc(body.scheduled_before or call.now) - call.now
    if ahead > PREVIEW_AHEAD:
        limit = MOST if body.limit is None else body.limit
        return Reply(
            await call.store.read(work_queues.runs_for_queue, queue, call.now + ahead, limit, call.now)
        )
    await _note_agent(call, queue.id)
    return Reply(await Poll(call, queue, ahead).runs(body.wait_seconds or 0.0))


async def _note_agent(call: Call, queue_id: str) -> None:
    """Write down who polls, at most every few seconds for each; polls themselves write nothing more."""
    name = call.body.agent_name or call.body.agent_id
    seen: dict[tuple[str, str], datetime] = call.app.state.seen_agents
    if not name or call.now - seen.get((queue_id, name), LONG_AGO) < NOTED_EVERY:
        return
    if len(seen) > MOST_NOTED:
        seen.clear()
    seen[queue_id, name] = call.now
    await call.store.write(work_queues.saw_agent, queue_id, name, call.now, durable=False)


class Poll:
    """One asker of a queue: claims what is due, and waits for more as long as it may."""

    def __init__(self, call: Call, queue: WorkQueue, ahead: timedelta) -> None:
        self.call = call
        self.queue = queue
        self.ahead = ahead
        self.clock = call.app.state.clock
        self.claimed = call.now

    async def runs(self, seconds: float) -> list[FlowRun]:
        """The runs handed out; none when the time is over, the asker gone or the server about to stop."""
        topics = {f"queue:{self.queue.name}", "queues", "slots"}
        with self.call.app.state.line.join(self.queue.id) as ticket:
            with self.call.store.bus.subscribe(topics) as changes:
                runs = await self._first_claim(ticket, waits=seconds > 0)
                if not runs and seconds:
                    runs = await self._wait(ticket, changes, seconds)
                return runs

    async def _first_claim(self, ticket: Ticket, *, waits: bool) -> list[FlowRun]:
        """Where nothing is due, who waits is only written down: what comes due meanwhile is for who came earlier.

        Who does not wait, and is alone, need not look before it asks.
        """
        if (not waits and ticket.is_first) or await self._is_ready():
            return await self._claim_in_turn(ticket)
        return await self._claim(most=0 if waits else None)

    async def _wait(self, ticket: Ticket, changes: Subscription, seconds: float) -> list[FlowRun]:
        loop = asyncio.get_running_loop()
        deadline, seen = loop.time() + seconds, NEVER
        over = [
            asyncio.ensure_future(self.call.receive()),
            asyncio.ensure_future(self.call.app.state.closing.wait()),
        ]
        try:
            while (left := deadline - loop.time()) > 0:
                await _first(changes.wait(min(left, await self._until_due())), over)
                if any(future.done() for future in over):
                    break
                since, seen = changes.since if changes.since > seen else None, changes.since
                if await self._is_ready() and (runs := await self._claim_in_turn(ticket, since)):
                    if over[0].done():
                        await self._give_back(runs)
                        break
                    return runs
            return []
        finally:
            for future in over:
                future.cancel()

    async def _is_ready(self) -> bool:
        now = self.clock()
        return await self.call.store.glance(claims.ready, self.queue.id, now + self.ahead, now)

    async def _claim_in_turn(self, ticket: Ticket, since: float | None = None) -> list[FlowRun]:
        async with ticket.turn(since):
            return await self._claim()

    async def _claim(self, most: int | None = None) -> list[FlowRun]:
        """Claim what is due; who is cut off meanwhile gives it back."""
        body, self.claimed = self.call.body, self.clock()
        claim = self.call.store.write(
            claim_runs,
            self.queue,
            self.claimed,
            limit=body.limit if most is None else most,
            scheduled_before=self.claimed + self.ahead,
            holder=body.agent_id or body.agent_name,
            asker=body.agent_name,
        )
        job: asyncio.Future[list[FlowRun]] = asyncio.ensure_future(claim)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            job.add_done_callback(self._left_behind)
            raise

    def _left_behind(self, job: asyncio.Future[list[FlowRun]]) -> None:
        if not job.cancelled() and job.exception() is None:
            self._task = asyncio.ensure_future(self._give_back(job.result()))

    async def _give_back(self, runs: list[FlowRun]) -> None:
        """Nobody will hear of these: the next one who asks gets them at once."""
        if runs:
            await self.call.store.write(give_back_runs, [run.id for run in runs], self.claimed)

    async def _until_due(self) -> float:
        """Seconds until the queue's next run is due, as far as this asker may look ahead."""
        now = self.clock()
        due = await self.call.store.glance(work_queues.next_due, self.queue.id, now + self.ahead)
        return LONGEST if due is None else max((due - self.ahead - now).total_seconds(), 0.001)


async def _first(work: Coroutine[Any, Any, object], others: list[asyncio.Future[Any]]) -> None:
    """Wait for `work` or for one of the others."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()


def _found(queue: WorkQueue | None) -> WorkQueue:
    if queue is None:
        raise NotFound("Work queue not found")
    return queue
