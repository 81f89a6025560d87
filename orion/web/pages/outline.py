"""What the charts of a run are drawn from; of a big run that has ended it is made once, and again when a task changes.

A server keeps nothing that another would miss: what it has not made yet it makes from the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from orion.model.flow_runs import FlowRun
from orion.model.states import is_final
from orion.store import console
from orion.store.base import Conn
from orion.store.console import Sketch
from orion.web.charts.gantt import Plan, plan
from orion.web.charts.radar import MOST_NODES, Node, drawable
from orion.web.pages import timeline

MOST, BIG = 32, 200
Revision = tuple[object, ...]


class Outline(NamedTuple):
    """The plan of the timeline; the nodes of the radar, how many tasks look how, what the first of them are called, and
    how many share a name."""

    plan: Plan
    nodes: list[Node]
    legend: dict[str, int]
    names: list[str]
    numbers: Mapping[str, int]


class Outlines:
    """The outlines that were asked for last, each with the revision of the tasks that it shows."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Revision, Outline]] = {}
        self._lock = Lock()

    def get(self, run_id: str, revision: Revision) -> Outline | None:
        """The outline of a run, if it is the one of this revision."""
        with self._lock:
            found = self._by_id.pop(run_id, None)
            if found is None or found[0] != revision:
                return None
            self._by_id[run_id] = found
            return found[1]

    def keep(self, run_id: str, revision: Revision, outline: Outline) -> None:
        """Keep an outline instead of the one that nobody asked for the longest."""
        with self._lock:
            self._by_id.pop(run_id, None)
            while len(self._by_id) >= MOST:
                self._by_id.pop(next(iter(self._by_id)))
            self._by_id[run_id] = (revision, outline)


def outline_of(
    conn: Conn, run: FlowRun, now: datetime, kept: Outlines, children: Mapping[str, str]
) -> Outline:
    """The outline of a run as it is now; `children` are its subflow runs by their task runs."""
    ended = is_final(run.state_type) and run.end_time is not None
    revision = (*console.tasks_revision(conn, run.id), run.start_time, run.end_time, *children.items())
    if ended and (known := kept.get(run.id, revision)):
        return known
    tasks = console.sketches(conn, run.id)
    outline = _made(conn, run, tasks, children, now)
    if ended and len(tasks) > BIG and all(task.state_type != "RUNNING" for task in tasks):
        kept.keep(run.id, revision, outline)
    return outline


def elapsed(run: FlowRun, now: datetime) -> float:
    """How many seconds a run took, or takes so far."""
    if run.start_time is None:
        return 0.0
    return max(((run.end_time or now) - run.start_time).total_seconds(), 0.0)


def _made(
    conn: Conn, run: FlowRun, tasks: Sequence[Sketch], children: Mapping[str, str], now: datetime
) -> Outline:
    names = {task.id: task.name for task in tasks}
    numbers = timeline.numbers(names.values())
    short, states = timeline.short_names(names, numbers), timeline.histories(conn, tasks)
    spans = timeline.spans(tasks, short, states, children, run.start_time, now)
    return Outline(
        plan(spans, elapsed(run, now)),
        drawable(timeline.nodes_of(spans)),
        dict(Counter(span.look for span in spans)),
        [span.name for span in spans[:MOST_NODES]],
        numbers,
    )
