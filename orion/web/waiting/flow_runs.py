"""Why a flow run waits: its time, its queue, its deployment's limit, who has it on hand, what its process waits for."""

from __future__ import annotations

from datetime import datetime, timedelta

from orion.model import wire
from orion.model.flow_runs import FlowRun
from orion.model.waiting import Cause, Holder, Mend, Waiting
from orion.store import waiting
from orion.web.display import plural, span
from orion.web.waiting.limits import named_causes, tag_causes, taken
from orion.web.waiting.look import Look
from orion.web.waiting.queues import queue_causes

SOON = timedelta(seconds=1)
LONGEST_TEXT = 300
LIMITS = ("queue_limit", "deployment_limit", "tag_limit", "named_limit")


def why_flow_run(look: Look, run: FlowRun) -> Waiting:
    """The chain of causes of a flow run; empty for one that has ended, or runs without waiting."""
    causes = _causes(look, run)
    return Waiting(
        id=run.id,
        name=run.name,
        state_type=run.state_type,
        state_name=run.state_name,
        since=run.state.timestamp if run.state else run.created,
        reason=reason(causes),
        causes=causes,
    )


def reason_of(look: Look, run: FlowRun) -> str:
    """The first cause in a line, for a row of a list; nothing for a run that is only planned for later."""
    if run.state_type == "SCHEDULED" and (due := _due(run)) and due > look.now + SOON:
        return "" if run.state_name != "AwaitingConcurrencySlot" else (reason(_causes(look, run)) or "")
    return reason(_causes(look, run)) or ""


def reason(causes: list[Cause]) -> str | None:
    """The first cause that stops, in one line."""
    first = next((cause for cause in causes if cause.stops), None)
    if first is None:
        return None
    if not first.holders:
        return f"{first.title}, {first.text}" if first.text else first.title
    by = " by " if first.kind in LIMITS else ": "
    return f"{first.title}{by}{_names(first.holders)}"


def _names(holders: list[Holder]) -> str:
    names = [holder.name for holder in holders[:2]]
    return ", ".join(names) + (f" and {len(holders) - 2} more" if len(holders) > 2 else "")


def _causes(look: Look, run: FlowRun) -> list[Cause]:
    match run.state_type:
        case "SCHEDULED":
            return _scheduled(look, run)
        case "PENDING" | None:
            return _pending(look, run)
        case "PAUSED":
            return [_paused(look, run)]
        case "CANCELLING":
            return [_cancelling(look, run)]
        case "RUNNING":
            return _running(look, run)
    return []


def _due(run: FlowRun) -> datetime | None:
    return run.next_scheduled_start_time or run.expected_start_time


def _scheduled(look: Look, run: FlowRun) -> list[Cause]:
    time = _time(look, run)
    if run.empirical_policy.retry_type == "in_process":
        return [time, _own_process(run)]
    if run.deployment_id is None:
        return [time, _no_deployment()]
    chain = [time, *queue_causes(look, run), *_deployment(look, run)]
    return [*chain, *_next(look, run, chain)]


def _time(look: Look, run: FlowRun) -> Cause:
    due = _due(run)
    if due is None or due <= look.now + SOON:
        text = (
            f"due {span((look.now - due).total_seconds())} ago"
            if due and due < look.now - SOON
            else "due now"
        )
        return Cause(kind="time", stops=False, title="Its time has come", text=text, since=due)
    retry = run.state_name == "AwaitingRetry"
    slot = run.state_name == "AwaitingConcurrencySlot"
    title = "It waits for its retry" if retry else "It asks for a slot again" if slot else "It is not due yet"
    now = Mend(label="Start it now", action=f"runs/{run.id}/start")
    return Cause(
        kind="retry" if retry else "time",
        stops=not slot,
        title=title,
        text=f"in {span((due - look.now).total_seconds())}",
        until=due,
        mends=[now] if run.deployment_id and run.empirical_policy.retry_type != "in_process" else [],
    )


def _own_process(run: FlowRun) -> Cause:
    where = f" ({run.infrastructure_pid})" if run.infrastructure_pid else ""
    text = f"its own process{where} waits and tries again; no agent is asked"
    return Cause(kind="process", stops=False, title="Its process keeps it", text=text)


def _no_deployment() -> Cause:
    text = "no agent can take it: only the program that made it can start it"
    return Cause(kind="no_deployment", stops=True, title="It has no deployment", text=text)


def _deployment(look: Look, run: FlowRun) -> list[Cause]:
    """Whether the deployment's own limit has room."""
    room = look.room(run.deployment_id or "")
    deployment = look.deployment(run.deployment_id or "") if room is not None else None
    if room is None or deployment is None:
        return []
    limit = deployment.concurrency_limit or 0
    if room > 0:
        text = f"{limit - room} of {limit} in use"
        return [Cause(kind="deployment_limit", stops=False, title="Its deployment has room", text=text)]
    raised = str(limit - room + 1)
    mend = Mend(
        label=f"Raise the limit to {raised}",
        action=f"deployments/{deployment.id}/limit",
        fields={"limit": raised},
    )
    holders = waiting.deployment_holders(look.conn, deployment.id)
    see = Mend(label="See these runs", href=f"runs?state=running&state=pending&deployment={deployment.id}")
    return [
        Cause(
            kind="deployment_limit",
            stops=True,
            title=taken(f"deployment {deployment.name}", limit),
            since=max((holder.since for holder in holders if holder.since), default=None),
            holders=holders,
            mends=[mend, see],
        )
    ]


def _next(look: Look, run: FlowRun, chain: list[Cause]) -> list[Cause]:
    """What comes when nothing stops it: who has it on hand already, or who stands before it."""
    held = look.hold(run)
    if held.until is not None and held.until > look.now:
        text = f"{held.by or 'an agent'} has taken it and starts its process"
        return [Cause(kind="agent", stops=False, title="It is on hand", text=text, until=held.until)]
    if any(cause.stops for cause in chain):
        return [Cause(kind="agent", stops=False, title="Then an agent takes it")]
    queue = look.queues(run)[0]
    number = waiting.before(look.conn, queue, run, look.now)
    if number:
        title, text = f"{plural(number, 'run')} stand before it", "agents take the earliest first"
        return [Cause(kind="line", stops=True, title=title.replace("run stand", "run stands"), text=text)]
    return [Cause(kind="agent", stops=False, title="An agent takes it", text="at its next question")]


def _pending(look: Look, run: FlowRun) -> list[Cause]:
    since = run.state.timestamp if run.state else run.created
    waited = span(max((look.now - since).total_seconds(), 0))
    if run.parent_task_run_id and (above := waiting.parent(look.conn, run.parent_task_run_id)):
        id, name, state = above
        return [_parent(id, name, state, since)]
    if run.deployment_id is None:
        text = f"for {waited}: the program that made it has not begun it"
        return [Cause(kind="starting", stops=True, title="It waits for its program", text=text, since=since)]
    held = look.hold(run)
    where = f" as {run.infrastructure_pid}" if run.infrastructure_pid else ""
    text = f"{held.by or 'an agent'} took it {waited} ago{where}"
    told = look.told(run)
    starting = Cause(
        kind="starting",
        stops=told is None,
        title="Its process starts" if told is None else "It is on hand",
        text=text,
        since=since,
        until=held.lease_until,
    )
    return [starting, _infrastructure(run, *told)] if told else [starting]


def _infrastructure(run: FlowRun, message: str, since: datetime) -> Cause:
    """What its agent told last: a pod that finds no room, an image that cannot be pulled yet."""
    return Cause(
        kind="infrastructure",
        stops=True,
        title="Its infrastructure is not ready",
        text=_short(message),
        since=since,
        mends=[Mend(label="See its logs", href=f"runs/{run.id}/logs")],
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def _parent(id: str, name: str, state: str | None, since: datetime) -> Cause:
    see = Mend(label=f"See {name}", href=f"runs/{id}")
    holder = Holder(type="flow_run", id=id, name=name, since=since)
    title = "It waits for the run that called it"
    return Cause(
        kind="parent",
        stops=True,
        title=title,
        text=(state or "").lower(),
        since=since,
        holders=[holder],
        mends=[see],
    )


def _paused(look: Look, run: FlowRun) -> Cause:
    until = run.state.state_details.pause_timeout if run.state else None
    text = "until somebody resumes it" + (
        f"; it fails in {span(max((until - look.now).total_seconds(), 0))}" if until else ""
    )
    mend = Mend(label="Resume", action=f"runs/{run.id}/resume")
    since = run.state.timestamp if run.state else None
    return Cause(
        kind="paused", stops=True, title="It is paused", text=text, since=since, until=until, mends=[mend]
    )


def _cancelling(look: Look, run: FlowRun) -> Cause:
    since = run.state.timestamp if run.state else look.now
    text = (
        f"for {span(max((look.now - since).total_seconds(), 0))}: its process is told at its next heartbeat"
    )
    return Cause(
        kind="cancelling", stops=True, title="It waits for its process to end", text=text, since=since
    )


def _running(look: Look, run: FlowRun) -> list[Cause]:
    """What holds up a flow that runs: slots that its own code asks for, and tags that its waiting tasks share."""
    open_tasks = waiting.open_tasks(look.conn, run.id)
    busy = [id for id, _, kind, _ in open_tasks if kind == "RUNNING"]
    look.expect_wishes([run.id, *busy])
    causes = named_causes(look, run.id)
    if any(look.wish(id) is None for id in busy):
        return causes
    tags: dict[str, int] = {}
    for id, _, kind, text in open_tasks:
        causes += named_causes(look, id, run.id) if kind == "RUNNING" else []
        if kind == "PENDING":
            _count(tags, wire.decode(text, list[str]))
    found = [cause for tag, number in tags.items() for cause in tag_causes(look, tag, _tasks_wait(number))]
    return causes + [cause for cause in found if cause.stops]


def _count(tags: dict[str, int], names: list[str]) -> None:
    for name in names:
        tags[name] = tags.get(name, 0) + 1


def _tasks_wait(number: int) -> str:
    return f"{plural(number, 'task')} of this run {'waits' if number == 1 else 'wait'}"
