"""Why a task run waits: its time, the tasks before it, the limits of its tags, the slots that its code asks for."""

from __future__ import annotations

from typing import Any

import msgspec

from orion.model.flow_runs import FlowRun
from orion.model.states import is_final
from orion.model.task_runs import TaskRun
from orion.model.waiting import Cause, Holder, Mend, Waiting
from orion.store import flow_runs, waiting
from orion.web.display import plural, span
from orion.web.waiting.flow_runs import SOON, reason
from orion.web.waiting.limits import named_causes, tag_causes
from orion.web.waiting.look import Look


def why_task_run(look: Look, task: TaskRun) -> Waiting:
    """The chain of causes of a task run; empty for one that has ended, or runs without waiting."""
    causes = _causes(look, task)
    return Waiting(
        id=task.id,
        name=task.name,
        state_type=task.state_type,
        state_name=task.state_name,
        since=task.state.timestamp if task.state else task.created,
        reason=reason(causes),
        causes=causes,
    )


def _causes(look: Look, task: TaskRun) -> list[Cause]:
    if is_final(task.state_type):
        return []
    if run := _ended(look, task):
        text = "it begins with the next attempt of the run, if there is one"
        since = run.state.timestamp if run.state else None
        return [Cause(kind="parent", stops=True, title="Its flow run has ended", text=text, since=since)]
    if task.state_type == "RUNNING":
        return named_causes(look, task.id, *filter(None, [task.flow_run_id]))
    limits = [cause for tag in task.tags for cause in tag_causes(look, tag)]
    chain = [*_time(look, task), *_upstream(look, task), *limits]
    if not any(cause.stops for cause in chain):
        chain.append(_flow(look, task))
    return chain


def _ended(look: Look, task: TaskRun) -> FlowRun | None:
    run = flow_runs.get(look.conn, task.flow_run_id) if task.flow_run_id else None
    return run if run and is_final(run.state_type) else None


def _time(look: Look, task: TaskRun) -> list[Cause]:
    due = task.next_scheduled_start_time
    if task.state_type != "SCHEDULED" or due is None or due <= look.now + SOON:
        return []
    text = f"in {span((due - look.now).total_seconds())}"
    return [Cause(kind="retry", stops=True, title="It waits for its retry", text=text, until=due)]


def _upstream(look: Look, task: TaskRun) -> list[Cause]:
    """The task runs that it was given and that have not ended."""
    given: dict[str, list[dict[str, Any]]] = msgspec.json.decode(task.task_inputs) or {}
    ids = [
        each["id"] for several in given.values() for each in several if each.get("input_type") == "task_run"
    ]
    found = waiting.upstream(look.conn, (id for id in ids if id))
    open_ones = [each for each in found if not is_final(each.state_type)]
    if found and not open_ones:
        text = plural(len(found), "task")
        return [Cause(kind="upstream", stops=False, title="What it was given is there", text=text)]
    if not open_ones:
        return []
    holders = [
        Holder(type="task_run", id=each.id, name=each.name, since=each.since) for each in open_ones[:10]
    ]
    title = (
        f"{plural(len(open_ones), 'task')} before it "
        + ("has" if len(open_ones) == 1 else "have")
        + " not ended"
    )
    see = Mend(label="On the radar", href=f"runs/{task.flow_run_id}/radar?task={task.id}")
    return [Cause(kind="upstream", stops=True, title=title, holders=holders, mends=[see])]


def _flow(look: Look, task: TaskRun) -> Cause:
    since = task.state.timestamp if task.state else task.created
    text = f"for {span(max((look.now - since).total_seconds(), 0))}: its flow run starts it when a worker is free"
    return Cause(kind="process", stops=True, title="It waits for its flow run", text=text, since=since)
