"""The task runs of two runs in pairs, and the first pair in which the runs part."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from orion.model.filters import LogFilter, NullableIdCriterion
from orion.model.flow_runs import FlowRun
from orion.model.times import to_micros
from orion.store import logs, task_runs
from orion.store.base import Conn
from orion.store.console import Face
from orion.web.charts.pairs import Side
from orion.web.display import look, look_of
from orion.web.pages.run_rows import first_line
from orion.web.pages.timeline import short_names, upstream

FAR, LEAST, LINES = 0.25, 1.0, 200
BAD = ("failed", "crashed", "cancelled")
_digits = re.compile(r"\d+|0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}")


class Pair(msgspec.Struct, frozen=True, gc=False):
    """One task in both runs."""

    name: str
    key: str
    ours: Face | None
    theirs: Face | None
    a: Side | None
    b: Side | None

    @property
    def both(self) -> tuple[tuple[str, Side | None], tuple[str, Side | None]]:
        return ("A", self.a), ("B", self.b)

    @property
    def look(self) -> str:
        return self.b.look if self.b else "pending"

    @property
    def tries(self) -> int:
        return self.theirs.run_count if self.theirs else 0

    @property
    def difference(self) -> float | None:
        """Seconds that B took longer; None where one of the two did not run."""
        if self.a is None or self.b is None or self.a.seconds is None or self.b.seconds is None:
            return None
        return self.b.seconds - self.a.seconds

    @property
    def time_differs(self) -> bool:
        """Whether the durations are further apart than they usually are from run to run."""
        gap = self.difference
        if gap is None or abs(gap) <= LEAST:
            return False
        return abs(gap) > FAR * max([side.seconds or 0.0 for side in (self.a, self.b) if side])

    @property
    def state_differs(self) -> bool:
        return (self.a.look if self.a else None) != (self.b.look if self.b else None)

    @property
    def differs(self) -> bool:
        return self.time_differs or self.state_differs


def paired(a: Sequence[Face], b: Sequence[Face], now: datetime) -> list[Pair]:
    """The tasks of both runs by their key, in the order in which they began in B, then in A."""
    names = short_names({task.id: task.name for task in b}) | short_names({task.id: task.name for task in a})
    first, second = ({task.key: task for task in tasks} for tasks in (a, b))
    order = sorted(b, key=_began) + sorted((task for task in a if task.key not in second), key=_began)
    side = _sides(to_micros(now))

    def pair(task: Face) -> Pair:
        ours, theirs = first.get(task.key), second.get(task.key)
        return Pair(names[task.id], task.key, ours, theirs, side(ours), side(theirs))

    return [pair(task) for task in order]


def sides(run: FlowRun, tasks: Sequence[Face]) -> dict[str, Any]:
    """What stands on a run's card."""
    done = sum(1 for task in tasks if look_of(task) == "completed")
    return {"run": run, "look": look_of(run), "done": done, "tasks": len(tasks)}


def parting(conn: Conn, pairs: Sequence[Pair], a: FlowRun, b: FlowRun) -> dict[str, Any] | None:
    """The first task in which the runs part by their state, what went wrong, and what was new in the log before it."""
    apart = [each for each in pairs if each.state_differs]
    broken = [each for each in apart if (each.b and each.b.look in BAD) or (each.a and each.a.look in BAD)]
    first = next(iter(broken or apart), None)
    if first is None:
        return None
    worse = first.theirs if first.b and first.b.look in BAD else first.ours
    start = b.start_time if worse is first.theirs else a.start_time
    after = (worse.start - to_micros(start)) / 1_000_000 if worse and worse.start is not None and start else None
    task = task_runs.get(conn, worse.id) if worse and look_of(worse) in BAD else None
    message = task.state.message if task and task.state else ""
    return {
        "pair": first,
        "after": after,
        "message": first_line(message or ""),
        "news": _news(conn, first, pairs),
        "agree": sum(1 for each in pairs if not each.state_differs),
    }


def plain(message: str) -> str:
    """A log line without what differs from run to run: numbers and ids."""
    return _digits.sub("#", message)


def _news(conn: Conn, first: Pair, pairs: Sequence[Pair]) -> dict[str, str] | None:
    """A line that a task just before logged in B and not in A; a warning before all others."""
    by_id = {each.theirs.id: each for each in pairs if each.theirs}
    task = task_runs.get(conn, first.theirs.id) if first.theirs else None
    before = [by_id[id] for id in upstream(task.task_inputs) if id in by_id] if task else []
    theirs = _lines(conn, [each.theirs.id for each in before if each.theirs])
    known = {plain(line.message) for line in _lines(conn, [each.ours.id for each in before if each.ours])}
    fresh = [line for line in theirs if plain(line.message) not in known]
    said = max(fresh, key=lambda line: (line.level, line.timestamp), default=None)
    if said is None:
        return None
    return {"task": by_id[said.task_run_id or ""].name, "message": first_line(said.message)}


def _lines(conn: Conn, task_ids: list[str]) -> list[Any]:
    if not task_ids:
        return []
    chosen = LogFilter(task_run_id=NullableIdCriterion(any_=task_ids))
    return logs.filter(conn, chosen, "TIMESTAMP_DESC", LINES, 0)


def _began(task: Face) -> tuple[bool, int]:
    return task.start is None, task.created if task.start is None else task.start


def _sides(now: int) -> Callable[[Face | None], Side | None]:
    """How tasks look and how long they worked until now, those that run still included."""
    looks = cache(look)

    def side(task: Face | None) -> Side | None:
        if task is None:
            return None
        going = task.state_type == "RUNNING" and task.since is not None
        more = max(now - task.since, 0) / 1_000_000 if going else 0.0  # type: ignore[operator]  # not None
        seen = looks(task.state_type, task.state_name)
        return Side(seen, task.seconds + more if task.start is not None else None)

    return side
