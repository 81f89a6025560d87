"""The log of a run: the newest lines, search and filter on the server, and the download."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.responses import StreamingResponse

from orion.model.filters import LevelCriterion, LogFilter, LogText, NullableIdCriterion
from orion.model.flow_runs import FlowRun
from orion.model.logs import Log
from orion.model.task_runs import TaskRun
from orion.store import console, flow_runs, logs
from orion.store.base import Conn
from orion.web.call import Call
from orion.web.display import iso, level
from orion.web.pages.shared import found, gather
from orion.web.pages.timeline import short_names

MOST, BATCH = 1000, 1000


@dataclass(frozen=True)
class LogQuery:
    """What a log is narrowed to."""

    q: str = ""
    level: int = 0
    task: str = ""
    all: bool = False

    @property
    def narrowed(self) -> bool:
        return bool(self.q or self.level or self.task)

    def filters(self, flow_run_id: str) -> LogFilter:
        """The API's filter that this query means."""
        return LogFilter(
            flow_run_id=NullableIdCriterion(any_=[flow_run_id]),
            task_run_id=NullableIdCriterion(any_=[self.task]) if self.task else None,
            level=LevelCriterion(ge_=self.level) if self.level else None,
            text=LogText(query=self.q) if self.q else None,
        )

    def address(self, run_id: str, **more: str) -> str:
        said = {"q": self.q, "level": str(self.level or ""), "task": self.task, **more}
        query = urlencode({key: value for key, value in said.items() if value})
        return f"runs/{run_id}/logs" + (f"?{query}" if query else "")


def parse(query: QueryParams) -> LogQuery:
    """The query of a log page; nonsense means no filter."""
    number = query.get("level", "")
    task = query.get("task", "").lower()
    return LogQuery(
        q=query.get("q", "").strip()[:200],
        level=int(number) if number.isdecimal() and len(number) < 4 else 0,
        task=task if len(task) == 36 else "",
        all=query.get("show") == "all",
    )


def newest(conn: Conn, run_id: str, n: int) -> list[Log]:
    """The last lines of a run, oldest first."""
    return logs.filter(conn, LogQuery().filters(run_id), "TIMESTAMP_DESC", n, 0)[::-1]


def data(conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime, query: LogQuery) -> dict[str, Any]:
    """What the log page shows: the newest lines that match, and how many there are."""
    chosen = query.filters(run.id)
    lines = logs.filter(conn, chosen, "TIMESTAMP_DESC", MOST * 10 if query.all else MOST, 0)[::-1]
    matched = (
        len(lines)
        if len(lines) < MOST
        else console.log_count(conn, run.id)
        if not query.narrowed
        else len(lines)
    )
    names = short_names({task.id: task.name for task in tasks})
    hidden = max(matched - len(lines), 0)
    return {
        "lines": lines,
        "matched": matched,
        "hidden": hidden,
        "older": query.address(run.id, show="all") if hidden else None,
        "filtered": query.narrowed,
        "download": query.address(run.id, download="shown" if query.narrowed else "all"),
        "q": query.q,
        "level_chosen": str(query.level),
        "task_chosen": query.task,
        "task_options": list(names.items())[:500],
        "task_names": names,
    }


async def download(call: Call, query: LogQuery) -> StreamingResponse:
    """The log as text, as much as there is, read in batches."""
    run: FlowRun = found(await call.store.read(flow_runs.get, call.path["id"]), "run")
    headers = {"Content-Disposition": f'attachment; filename="{run.id}.log"'}
    return StreamingResponse(
        _lines(call, query.filters(run.id)), media_type="text/plain; charset=utf-8", headers=headers
    )


async def _lines(call: Call, chosen: LogFilter) -> AsyncIterator[str]:
    offset = 0
    while batch := await gather(call, logs.filter, chosen, "TIMESTAMP_ASC", BATCH, offset):
        offset += len(batch)
        yield "".join(
            f"{iso(line.timestamp)} {level(line.level)[1]:<5} {line.name}  {line.message}\n" for line in batch
        )
