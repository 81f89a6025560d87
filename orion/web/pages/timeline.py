"""A run's task runs as charts see them: spans of work for the timeline, nodes for the radar."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from orion.model.task_runs import TaskRun
from orion.web.charts.gantt import Span, Try
from orion.web.charts.radar import Node
from orion.web.display import look, look_of

States = Sequence[tuple[str, str, datetime]]
_hashed = re.compile(r"(?P<name>.+)-[0-9a-f]{8}-(?P<index>\d+)$").match


def spans(
    tasks: Sequence[TaskRun],
    states: Mapping[str, States],
    children: Mapping[str, str],
    start: datetime | None,
    now: datetime,
) -> list[Span]:
    """Every task run with its tries, in seconds since the run's start."""
    names = short_names({task.id: task.name for task in tasks})
    return [
        Span(
            id=task.id,
            name=names[task.id],
            title=task.name,
            look=look_of(task),
            tries=tries(states.get(task.id, ()), start, now) if start else (),
            upstream=upstream(task),
            href=_href(task, children),
            leads_on=task.id in children,
        )
        for task in tasks
    ]


def nodes(tasks: Sequence[TaskRun], children: Mapping[str, str]) -> list[Node]:
    """Every task run with what it waited for."""
    names = short_names({task.id: task.name for task in tasks})
    return [
        Node(
            task.id, names[task.id], look_of(task), upstream(task), _href(task, children), task.id in children
        )
        for task in tasks
    ]


def short_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id without the hash that parts tasks of one name: extract-0913651b-0 is extract, or extract-0."""
    parted = {id: _hashed(name) for id, name in names.items()}
    number = Counter(found["name"] for found in parted.values() if found)
    return {id: _short(names[id], found, number) for id, found in parted.items()}


def _short(name: str, found: re.Match[str] | None, number: Mapping[str, int]) -> str:
    if found is None:
        return name
    return found["name"] if number[found["name"]] == 1 else f"{found['name']}-{found['index']}"


def tries(states: States, start: datetime, now: datetime) -> list[Try]:
    """The stretches in which a task ran; each looks as the state that ended it."""
    made: list[Try] = []
    began: datetime | None = None
    for kind, name, time in states:
        if kind == "RUNNING":
            began = began or time
        elif began is not None:
            made.append(_try(began, time, "failed" if kind == "SCHEDULED" else look(kind, name), start))
            began = None
        elif kind == "COMPLETED" and not made:
            made.append(_try(time, time, "completed", start))
    if began is not None:
        made.append(_try(began, now, "running", start))
    return made


def upstream(task: TaskRun) -> list[str]:
    """Ids of the task runs whose results a task run was given or waited for."""
    inputs = msgspec.json.decode(task.task_inputs) or {}
    ids = [
        each.get("id") for given in inputs.values() for each in given if each.get("input_type") == "task_run"
    ]
    return list(dict.fromkeys(id for id in ids if id))


def _try(began: datetime, ended: datetime, seen: str, start: datetime) -> Try:
    first = max((began - start).total_seconds(), 0.0)
    return Try(first, max((ended - start).total_seconds(), first), seen)


def _href(task: TaskRun, children: Mapping[str, str]) -> str:
    return f"runs/{children[task.id]}" if task.id in children else f"task-runs/{task.id}"
