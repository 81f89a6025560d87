"""What the charts of a run are drawn from; of a big run that has ended it is made once, and again when a task changes.

Of the big runs that were looked at last also the tasks are kept: while such a run goes on, few of them change.

A server keeps nothing that another would miss: what it has not made yet it makes from the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import NamedTuple, TypeVar

from orion.model.flow_runs import FlowRun
from orion.model.states import is_final
from orion.store import console
from orion.store.base import Conn
from orion.store.console import Sketch
from orion.web.charts.gantt import Plan, Span, plan
from orion.web.charts.radar import MOST_NODES, Node
from orion.web.pages import timeline

MOST, BIG = 32, 200
MOST_DRAWN, LARGEST = 2, 20_000  # runs whose tasks are kept, and how many tasks: ten thousand take 13 MB
Revision = tuple[object, ...]
K = TypeVar("K")


class Outline(NamedTuple):
    """The plan of the timeline; the nodes of the radar, how many tasks look how, what the first of them are called, and
    the names that several share."""

    plan: Plan
    nodes: list[Node]
    legend: dict[str, int]
    names: list[str]
    shared: frozenset[str]


class Drawn(NamedTuple):
    """The tasks of a run that began at a time, the names that several of them share, and the span of each."""

    start: datetime | None
    shared: frozenset[str]
    tasks: list[Sketch]
    spans: list[Span]


class Outlines:
    """The outlines that were asked for last, each with the revision of the tasks that it shows; tasks of a few."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Revision, Outline]] = {}
        self._drawn: dict[str, Drawn] = {}
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
            _put(self._by_id, run_id, (revision, outline), MOST)

    def drawn(self, run_id: str) -> Drawn | None:
        """The tasks of a run as they were last."""
        with self._lock:
            return self._drawn.get(run_id)

    def draw(self, run_id: str, drawn: Drawn) -> None:
        """Keep the tasks of a run, of a few runs only: they are large."""
        with self._lock:
            _put(self._drawn, run_id, drawn, MOST_DRAWN)


def _put(kept: dict[str, K], key: str, value: K, most: int) -> None:
    kept.pop(key, None)
    while len(kept) >= most:
        kept.pop(next(iter(kept)))
    kept[key] = value


def outline_of(
    conn: Conn, run: FlowRun, now: datetime, kept: Outlines, children: Mapping[str, str]
) -> Outline:
    """The outline of a run as it is now; `children` are its subflow runs by their task runs."""
    ended = is_final(run.state_type) and run.end_time is not None
    of_tasks = console.tasks_revision(conn, run.id)
    revision = (*of_tasks, run.start_time, run.end_time, *children.items())
    if ended and (known := kept.get(run.id, revision)):
        return known
    before = kept.drawn(run.id)
    tasks = (
        console.sketches_again(conn, run.id, before.tasks, of_tasks)
        if before
        else console.sketches(conn, run.id)
    )
    shared = _shared(tasks, before)
    drawn = Drawn(run.start_time, shared, tasks, _spans(conn, run, tasks, shared, children, now, before))
    outline = _made(run, drawn.spans, shared, now)
    if BIG < len(tasks) <= LARGEST:
        kept.draw(run.id, drawn)
    if ended and len(tasks) > BIG and all(task.state_type != "RUNNING" for task in tasks):
        kept.keep(run.id, revision, outline)
    return outline


def elapsed(run: FlowRun, now: datetime) -> float:
    """How many seconds a run took, or takes so far."""
    if run.start_time is None:
        return 0.0
    return max(((run.end_time or now) - run.start_time).total_seconds(), 0.0)


def _shared(tasks: Sequence[Sketch], before: Drawn | None) -> frozenset[str]:
    """The names that several tasks share; where no name has come or gone they are those of before."""
    titles = [task.name for task in tasks]
    if before and titles == [task.name for task in before.tasks]:
        return before.shared
    return timeline.shared(titles)


def _spans(
    conn: Conn,
    run: FlowRun,
    tasks: Sequence[Sketch],
    shared: frozenset[str],
    children: Mapping[str, str],
    now: datetime,
    before: Drawn | None,
) -> list[Span]:
    """The spans of all tasks; of those that have not changed, which are the same objects, the ones that were drawn."""
    alike = before if before and (before.start, before.shared) == (run.start_time, shared) else None
    known = dict(zip(map(id, alike.tasks), alike.spans, strict=True)) if alike else {}
    drawn = [
        span if (span := known.get(id(task))) and span.lasting and task.id not in children else None
        for task in tasks
    ]
    rest = [task for task, span in zip(tasks, drawn, strict=True) if span is None]
    names = timeline.short_names({task.id: task.name for task in rest}, shared)
    states = timeline.histories(conn, rest)
    made = iter(timeline.spans(rest, names, states, children, run.start_time, now))
    return [next(made) if span is None else span for span in drawn]


def _made(run: FlowRun, spans: Sequence[Span], shared: frozenset[str], now: datetime) -> Outline:
    return Outline(
        plan(spans, elapsed(run, now)),
        timeline.drawable(spans),
        dict(Counter([span.look for span in spans])),
        [span.name for span in spans[:MOST_NODES]],
        shared,
    )
