"""The logs of two runs side by side: lines that say the same stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from orion.model.filters import LogFilter, NullableIdCriterion
from orion.model.flow_runs import FlowRun
from orion.model.logs import Log
from orion.store import logs
from orion.store.base import Conn
from orion.store.console import Face
from orion.web.pages.compare_tasks import plain
from orion.web.pages.timeline import short_names

LINES, LONGEST = 500, 2000
Row = tuple[str, Log | None, Log | None]


def aligned(
    conn: Conn, a: FlowRun, b: FlowRun, tasks: Sequence[Sequence[Face]], name: str
) -> dict[str, Any]:
    """The first lines of both, of one task if it is named; each row says whether the two are the same."""
    names = short_names({task.id: task.name for of_run in tasks for task in of_run})
    chosen = [{id for id in (task.id for task in of_run) if names[id] == name} for of_run in tasks]
    lines = [_lines(conn, run, ids if name else None) for run, ids in zip((a, b), chosen, strict=True)]
    rows = _rows(*lines)
    return {
        "rows": rows,
        "names": names,
        "task": name,
        "options": [(each, each) for each in sorted(set(names.values()))[:300]],
        "cut": any(len(each) >= LINES for each in lines),
        "differ": sum(1 for kind, _, _ in rows if kind != "equal"),
    }


def _lines(conn: Conn, run: FlowRun, task_ids: set[str] | None) -> list[Log]:
    tasks = NullableIdCriterion(any_=sorted(task_ids)) if task_ids is not None else None
    chosen = LogFilter(flow_run_id=NullableIdCriterion(any_=[run.id]), task_run_id=tasks)
    found = logs.filter(conn, chosen, "TIMESTAMP_ASC", LINES, 0)
    for line in found:
        line.message = line.message[:LONGEST]
    return found


def _rows(a: Sequence[Log], b: Sequence[Log]) -> list[Row]:
    matcher = SequenceMatcher(
        None, [plain(x.message) for x in a], [plain(x.message) for x in b], autojunk=False
    )
    rows: list[Row] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        for step in range(max(j - i, m - k)):
            left = a[i + step] if i + step < j else None
            right = b[k + step] if k + step < m else None
            rows.append((kind, left, right))
    return rows
