"""The task runs of a run, page by page: searched by name, narrowed to a state, sorted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from orion.model.filters import Filters, FlowRunFilter, IdCriterion, NameCriterion, TaskRunFilter, TaskRunSort
from orion.model.flow_runs import FlowRun
from orion.store import task_runs
from orion.store.base import Conn
from orion.web.display import LOOKS
from orion.web.pages import run_filters, timeline

PAGE = 100
SORTS: dict[str, tuple[TaskRunSort, str]] = {
    "": ("EXPECTED_START_TIME_ASC", "Oldest first"),
    "newest": ("EXPECTED_START_TIME_DESC", "Newest first"),
    "ended": ("END_TIME_DESC", "Last ended first"),
    "az": ("NAME_ASC", "A to Z"),
    "za": ("NAME_DESC", "Z to A"),
}


@dataclass(frozen=True)
class TaskQuery:
    """What the list of a run's tasks is narrowed to."""

    q: str = ""
    state: str = ""
    sort: str = ""
    after: str = ""

    def filters(self, run_id: str) -> Filters:
        """The API's filters that this query means."""
        return Filters(
            flow_runs=FlowRunFilter(id=IdCriterion(any_=[run_id])),
            task_runs=TaskRunFilter(
                name=NameCriterion(like_=self.q) if self.q else None,
                state=run_filters.states((self.state,)) if self.state else None,
            ),
        )

    def address(self, run_id: str, after: str = "") -> str:
        said = {"q": self.q, "state": self.state, "sort": self.sort, "after": after}
        query = urlencode({key: value for key, value in said.items() if value})
        return f"runs/{run_id}/tasks" + (f"?{query}" if query else "")


def parse(query: QueryParams) -> TaskQuery:
    """The query of a list of tasks; nonsense means no filter."""
    state, sort = query.get("state", "").lower(), query.get("sort", "")
    return TaskQuery(
        q=query.get("q", "").strip()[:200],
        state=state if state in LOOKS else "",
        sort=sort if sort in SORTS else "",
        after=query.get("after", "")[:500],
    )


def data(conn: Conn, run: FlowRun, now: datetime, query: TaskQuery) -> dict[str, Any]:
    """One page of task runs, and the ways to the others."""
    chosen = query.filters(run.id)
    tasks, key = task_runs.page(conn, chosen, SORTS[query.sort][0], PAGE, query.after or None, now=now)
    return {
        "tasks": tasks,
        "task_names": timeline.short_names({task.id: task.name for task in tasks}),
        "query": query,
        "narrowed": bool(query.q or query.state),
        "older": query.address(run.id, key) if key else None,
        "newer": query.address(run.id) if query.after else None,
        "state_options": [("", "All states"), *((look, look.capitalize()) for look in LOOKS)],
        "sorts": [(key, name) for key, (_, name) in SORTS.items()],
    }
