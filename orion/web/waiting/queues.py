"""The part of a chain that is about queues: is there one, does it serve, does somebody poll it, has it room."""

from __future__ import annotations

from datetime import timedelta
from shlex import quote
from urllib.parse import urlencode

from orion.model.flow_runs import FlowRun
from orion.model.waiting import Cause, Mend
from orion.model.work_queues import WorkQueue
from orion.store import waiting
from orion.web.display import span
from orion.web.waiting.limits import taken
from orion.web.waiting.look import Look


def queue_causes(look: Look, run: FlowRun) -> list[Cause]:
    """What a run's queues have to do with its waiting; one queue that serves it is enough."""
    queues = look.queues(run)
    if not queues:
        return [_no_queue(run)]
    chains = [look.chain(queue, _of_queue) for queue in queues]
    return min(chains, key=lambda chain: sum(cause.stops for cause in chain))


def _of_queue(look: Look, queue: WorkQueue) -> list[Cause]:
    return [_serves(queue), _polled(look, queue), *_room(look, queue)]


def _no_queue(run: FlowRun) -> Cause:
    name = run.work_queue_name
    if name is None:
        edit = Mend(label="Give the deployment a queue", href=f"deployments/{run.deployment_id}/edit")
        text = "its deployment names no work queue, and no queue's filter fits it"
        return Cause(kind="no_queue", stops=True, title="No work queue takes it", text=text, mends=[edit])
    make = Mend(
        label=f"Make the queue {name}",
        command=f"orion work-queue create {quote(name)}",
        action="queues",
        fields={"name": name},
    )
    text = f"there is no queue named {name}"
    return Cause(kind="no_queue", stops=True, title="Its work queue is missing", text=text, mends=[make])


def _serves(queue: WorkQueue) -> Cause:
    if not queue.is_paused:
        return Cause(kind="queue_paused", stops=False, title=f"The queue {queue.name} serves runs")
    resume = Mend(
        label=f"Resume {queue.name}",
        command=f"orion work-queue resume {quote(queue.name)}",
        action=f"queues/{queue.id}/resume",
    )
    return Cause(
        kind="queue_paused",
        stops=True,
        title=f"The queue {queue.name} is paused",
        text="runs that are under way go on, no new ones start",
        mends=[resume],
    )


def _polled(look: Look, queue: WorkQueue) -> Cause:
    """Whether an agent asks the queue: a paused one tells nothing about its agents."""
    seen = queue.last_polled
    fresh = seen is not None and look.now - seen <= timedelta(seconds=60)
    if fresh:
        agents = waiting.agents(look.conn, queue.id)
        said = [f"{name} {_ago(look, at)}" for name, at in agents if look.now - at <= timedelta(minutes=5)]
        text = ", ".join(said[:3]) or f"last {_ago(look, seen)}"
        return Cause(kind="no_agent", stops=False, title=f"Agents poll {queue.name}", text=text, since=seen)
    start = Mend(label="Start an agent", command=f"orion agent start {quote(queue.name)}")
    if seen is None:
        title, text = f"No agent has ever polled {queue.name}", ""
    else:
        title, text = f"No agent polls {queue.name}", f"the last one asked {_ago(look, seen)}"
    return Cause(kind="no_agent", stops=True, title=title, text=text, since=seen, mends=[start])


def _room(look: Look, queue: WorkQueue) -> list[Cause]:
    limit = queue.concurrency_limit
    if limit is None:
        return []
    used = look.used(queue)
    if used < limit:
        text = f"{used} of {limit} in use"
        return [Cause(kind="queue_limit", stops=False, title=f"The queue {queue.name} has room", text=text)]
    holders = waiting.queue_holders(look.conn, queue)
    raised = str(used + 1)
    mend = Mend(
        label=f"Raise the limit to {raised}",
        command=f"orion work-queue set-concurrency-limit {quote(queue.name)} {raised}",
        action=f"queues/{queue.id}/limit",
        fields={"limit": raised},
    )
    busy = urlencode([("queue", queue.name), ("state", "running"), ("state", "pending")])
    return [
        Cause(
            kind="queue_limit",
            stops=True,
            title=taken(queue.name, limit),
            since=max((holder.since for holder in holders if holder.since), default=None),
            holders=holders,
            mends=[mend, *([Mend(label="See these runs", href=f"runs?{busy}")] if holders else [])],
        )
    ]


def _ago(look: Look, moment: object) -> str:
    return f"{span(max((look.now - moment).total_seconds(), 0))} ago"  # type: ignore[operator]  # a time
