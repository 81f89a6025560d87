"""The task runs of a run, page by page: searched by name, narrowed to a state, sorted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from orion.model.filters import Filters, FlowRunFilter, IdCriterion, NameCriterion, TaskRunFilter, TaskRunSort
from orion.model.flow_runs import FlowRun
from orion.store import console, task_runs
from orion.store.base import Conn
from orion.web.charts.gantt import depths, family
from orion.web.display import LOOKS
from orion.web.pages import run_filters, timeline
from orion.web.pages.shared import address

PAGE = 100
SORTS: dict[str, tuple[TaskRunSort, str]] = {
    "": ("EXPECTED_START_TIME_ASC", "Oldest first"),
    "newest": ("EXPECTED_START_TIME_DESC", "Newest first"),
    "ended": ("END_TIME_DESC", "Last ended first"),
    "az": ("NAME_ASC", "A to Z"),
    "za": ("NAME_DESC", "Z to A"),
}


_rings = re.compile(r"[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?").fullmatch


@dataclass(frozen=True)
class TaskQuery:
    """What the list of a run's tasks is narrowed to."""

    q: str = ""
    state: str = ""
    sort: str = ""
    after: str = ""
    of: str = ""
    ring: str = ""

    @property
    def grouped(self) -> bool:
        """Whether it asks for a group of the charts: all tasks of a name, or of some rings."""
        return bool(self.of or self.ring)

    @property
    def group(self) -> str:
        """The group in words."""
        rings = (
            f"{'rings' if '-' in self.ring else 'ring'} {self.ring.replace('-', '–')}" if self.ring else ""
        )
        return " on ".join(part for part in (f"all of {self.of}" if self.of else "", rings) if part)

    def filters(self, run_id: str, ids: list[str] | None = None) -> Filters:
        """The API's filters that this query means; `ids` are those of the group that it asks for."""
        return Filters(
            flow_runs=FlowRunFilter(id=IdCriterion(any_=[run_id])),
            task_runs=TaskRunFilter(
                id=IdCriterion(any_=ids) if ids is not None else None,
                name=NameCriterion(like_=self.q) if self.q else None,
                state=run_filters.states((self.state,)) if self.state else None,
            ),
        )

    def address(self, run_id: str, after: str = "") -> str:
        group = {"of": self.of, "ring": self.ring}
        said = {"q": self.q, "state": self.state, "sort": self.sort, "after": after}
        return address(f"runs/{run_id}/tasks", **group, **said)


def parse(query: QueryParams) -> TaskQuery:
    """The query of a list of tasks; nonsense means no filter."""
    state, sort = query.get("state", "").lower(), query.get("sort", "")
    return TaskQuery(
        q=query.get("q", "").strip()[:200],
        state=state if state in LOOKS else "",
        sort=sort if sort in SORTS else "",
        after=query.get("after", "")[:500],
        of=query.get("of", "")[:200],
        ring=query.get("ring", "") if _rings(query.get("ring", "")) else "",
    )


def members(conn: Conn, run_id: str, query: TaskQuery) -> list[str]:
    """Ids of the tasks in the group that the query asks for."""
    tasks = console.sketches(conn, run_id)
    names = timeline.short_names({task.id: task.name for task in tasks})
    chosen = [task.id for task in tasks if not query.of or family(names[task.id]) == query.of]
    if not query.ring:
        return chosen
    first, _, last = query.ring.partition("-")
    above = timeline.upstreams([task.inputs for task in tasks])
    rings = depths({task.id: up for task, up in zip(tasks, above, strict=True)})
    return [id for id in chosen if int(first) <= rings[id] <= int(last or first)]


def data(conn: Conn, run: FlowRun, now: datetime, query: TaskQuery) -> dict[str, Any]:
    """One page of task runs, and the ways to the others."""
    chosen = query.filters(run.id, members(conn, run.id, query) if query.grouped else None)
    tasks, key = task_runs.page(conn, chosen, SORTS[query.sort][0], PAGE, query.after or None, now=now)
    return {
        "tasks": tasks,
        "task_names": timeline.short_names({task.id: task.name for task in tasks}),
        "query": query,
        "narrowed": bool(query.q or query.state or query.grouped),
        "ungrouped": replace(query, of="", ring="", after="").address(run.id) if query.grouped else None,
        "older": query.address(run.id, key) if key else None,
        "newer": query.address(run.id) if query.after else None,
        "state_options": [("", "All states"), *((look, look.capitalize()) for look in LOOKS)],
        "sorts": [(key, name) for key, (_, name) in SORTS.items()],
    }
