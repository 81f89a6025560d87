"""A run's task runs as charts see them: spans of work for the timeline, nodes for the radar."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

import msgspec

from orion.model.times import EPOCH, to_micros
from orion.store import console
from orion.store.base import Conn
from orion.store.console import Sketch
from orion.web.charts.gantt import Span, Try
from orion.web.charts.radar import Node, keys_of, together
from orion.web.display import look

States = Sequence[tuple[str, str, int]]
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SAME = 0.002  # seconds by which sums of times may differ
_hashed = re.compile(r"(?P<name>.+)-[0-9a-f]{8}-(?P<index>\d+)$").match


class Source(msgspec.Struct, gc=False):
    """Where an argument of a task run came from."""

    input_type: str = ""
    id: str | None = None


_sources = msgspec.json.Decoder(dict[str, list[Source]] | None).decode
_all_sources = msgspec.json.Decoder(list[dict[str, list[Source]] | None]).decode


def spans(
    tasks: Sequence[Sketch],
    names: Mapping[str, str],
    states: Mapping[str, States],
    children: Mapping[str, str],
    start: datetime | None,
    now: datetime,
) -> list[Span]:
    """Every task run with its tries, in seconds since the run's start."""
    begin, moment = to_micros(start) if start else None, to_micros(now)
    looks = cache(look)
    return [
        Span(
            task.id,
            names[task.id],
            seen := looks(task.state_type, task.state_name),
            () if begin is None else _tries(task, seen, states.get(task.id), begin, moment),
            above,
            _href(task.id, children),
            task.id in children,
            1,
            task.name,
            lasting=task.id not in children and _is_settled(task),
        )
        for task, above in zip(tasks, upstreams([task.inputs for task in tasks]), strict=True)
    ]


def nodes(tasks: Sequence[Sketch], names: Mapping[str, str], children: Mapping[str, str]) -> list[Node]:
    """Every task run with what it waited for."""
    return nodes_of(spans(tasks, names, {}, children, None, EPOCH))


def nodes_of(spans: Sequence[Span]) -> list[Node]:
    """The same where the spans are known."""
    return [Node(each.id, each.name, each.look, each.upstream, each.href, each.leads_on) for each in spans]


def drawable(spans: Sequence[Span]) -> list[Node]:
    """Nodes as a radar has room for: of too many tasks one for each group of them."""
    keys = keys_of(spans)
    return together(spans, keys) if keys else nodes_of(spans)


def histories(conn: Conn, tasks: Sequence[Sketch]) -> dict[str, list[tuple[str, str, int]]]:
    """The states of the task runs that ran more than once; of the others the row itself tells when they ran."""
    return console.task_states(conn, [task.id for task in tasks if needs_states(task)])


def needs_states(task: Sketch) -> bool:
    """Whether a task run may have run in several stretches; one stretch is as long as it ran in all."""
    if task.start is None:
        return False
    if task.state_type == "RUNNING":
        return task.seconds > 0
    if task.state_type not in FINAL or task.end is None:
        return True
    return abs((task.end - task.start) / 1_000_000 - task.seconds) > SAME


def _is_settled(task: Sketch) -> bool:
    """Whether a task run is drawn alike at any time, from its row alone."""
    return task.start is None or (task.end is not None and not needs_states(task))


def _tries(task: Sketch, seen: str, states: States | None, start: int, now: int) -> Sequence[Try]:
    if states is not None:
        return tries(states, start, now)
    if task.start is not None:
        return (_try(task.start, now if task.end is None else task.end, seen, start),)
    done = task.state_type == "COMPLETED" and task.since is not None
    return (_try(task.since, task.since, "completed", start),) if done else ()  # type: ignore[arg-type]  # not None


def short_names(names: Mapping[str, str], common: frozenset[str] | None = None) -> dict[str, str]:
    """Names by id without the hash that parts tasks of one name: extract-0913651b-0 is extract, or extract-0.

    `common` are the names that several tasks share, where these are not all of them.
    """
    common = shared(names.values()) if common is None else common
    return {id: _short(name, _hashed(name), common) for id, name in names.items()}


def shared(names: Iterable[str]) -> frozenset[str]:
    """The names, without their hashes, that several tasks share."""
    number = Counter([found["name"] for name in names if (found := _hashed(name))])
    return frozenset(name for name, many in number.items() if many > 1)


def _short(name: str, found: re.Match[str] | None, common: frozenset[str]) -> str:
    if found is None:
        return name
    return f"{found['name']}-{found['index']}" if found["name"] in common else found["name"]


def tries(states: States, start: int, now: int) -> list[Try]:
    """The stretches in which a task ran; each looks as the state that ended it. All times are microseconds."""
    made: list[Try] = []
    began: int | None = None
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


def upstream(inputs: str | bytes | msgspec.Raw) -> Sequence[str]:
    """Ids of the task runs whose results a task run was given or waited for."""
    return _ids(_sources(inputs) or {})


def upstreams(inputs: Sequence[str]) -> list[Sequence[str]]:
    """The same of many task runs, read at once."""
    return [_ids(given) if given else () for given in _all_sources(f"[{','.join(inputs)}]")]


def _ids(inputs: Mapping[str, Sequence[Source]]) -> Sequence[str]:
    ids = [
        each.id for given in inputs.values() for each in given if each.id and each.input_type == "task_run"
    ]
    return ids if len(ids) < 2 else list(dict.fromkeys(ids))


def _try(began: int, ended: int, seen: str, start: int) -> Try:
    first = max((began - start) / 1_000_000, 0.0)
    return Try(first, max((ended - start) / 1_000_000, first), seen)


def _href(id: str, children: Mapping[str, str]) -> str:
    return f"runs/{children[id]}" if id in children else f"task-runs/{id}"
