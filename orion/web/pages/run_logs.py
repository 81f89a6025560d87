"""The log of a run: a page of lines, search and filter on the server with the lines around, and the download."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import StreamingResponse

from orion.model.filters import (
    LevelCriterion,
    LogFilter,
    LogText,
    NullableIdCriterion,
)
from orion.model.flow_runs import FlowRun
from orion.model.logs import Log
from orion.store import console, flow_runs, logs
from orion.store.base import Conn
from orion.web.ansi import LONGEST, plain
from orion.web.call import Call, Reply
from orion.web.display import iso, level
from orion.web.pages.shared import address, found, gather
from orion.web.pages.timeline import short_names

MOST, BATCH = 500, 1000
AROUND, WIDEST, MATCHES = 3, 20, 60
ERROR, OPTIONS = 40, 200


@dataclass(frozen=True)
class LogQuery:
    """What a log is narrowed to, and which stretch of it is shown: the end, around a line, before or after a key."""

    q: str = ""
    level: int = 0
    task: str = ""
    around: int = AROUND
    line: str = ""
    before: str = ""
    after: str = ""

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
        around = "" if self.around == AROUND else str(self.around)
        said = {"q": self.q, "level": str(self.level or ""), "task": self.task, "around": around, **more}
        return address(f"runs/{run_id}/logs", **said)


@dataclass(frozen=True)
class Stretch:
    """The lines of a page, what of them matched, and the keys of the lines before and after them."""

    lines: list[Log]
    matched: set[str]
    earlier: str | None = None
    later: str | None = None


def parse(query: QueryParams) -> LogQuery:
    """The query of a log page; nonsense means no filter."""
    number, around = query.get("level", ""), query.get("around", "")
    task, line = query.get("task", "").lower(), query.get("line", "").lower()
    return LogQuery(
        q=query.get("q", "").strip()[:200],
        level=int(number) if number.isdecimal() and len(number) < 4 else 0,
        task=task if len(task) == 36 else "",
        around=min(int(around), WIDEST) if around.isdecimal() and len(around) < 4 else AROUND,
        line=line if len(line) == 36 else "",
        before=query.get("before", "")[:300],
        after=query.get("after", "")[:300],
    )


def newest(conn: Conn, run_id: str, n: int) -> list[Log]:
    """The last lines of a run, oldest first."""
    return logs.filter(conn, LogQuery().filters(run_id), "TIMESTAMP_DESC", n, 0)[::-1]


def data(conn: Conn, run: FlowRun, now: datetime, query: LogQuery) -> dict[str, Any]:
    """What the log page shows: a stretch of the lines that match, and the ways to all others."""
    stretch = _stretch(conn, run.id, query)
    first = console.first_tasks(conn, run.id, OPTIONS)
    here = console.task_run_names(conn, (line.task_run_id for line in stretch.lines))
    names = short_names(first | here)
    return {
        "lines": stretch.lines,
        "matched": len(stretch.matched),
        "more_match": query.narrowed and bool(stretch.earlier or stretch.later),
        "around": max(len(stretch.lines) - len(stretch.matched), 0) if query.narrowed else 0,
        "context": stretch.matched if len(stretch.lines) > len(stretch.matched) else None,
        "earlier": query.address(run.id, before=stretch.earlier) if stretch.earlier else None,
        "later": query.address(run.id, after=stretch.later) if stretch.later else None,
        "newest": query.address(run.id),
        "at_end": not (query.line or query.before or query.after),
        "filtered": query.narrowed or bool(query.line or query.before or query.after),
        "narrowed": query.narrowed,
        "download": query.address(run.id, download="shown") if query.narrowed else None,
        "download_all": f"runs/{run.id}/logs?download=all",
        "query": query,
        "task_options": list(names.items()),
        "task_names": names,
    }


async def first_error(call: Call) -> Reply:
    """Lead to the first line of a run that is an error."""
    id = call.path["id"]
    lines = await call.store.read(logs.filter, LogQuery(level=ERROR).filters(id), "TIMESTAMP_ASC", 1, 0)
    if not lines:
        toast = {"toast": {"text": "This run logged no error"}}
        return Reply(None, trigger=toast, location=f"runs/{id}/logs")
    return Reply(lines[0], location=f"runs/{id}/logs?line={lines[0].id}#L{lines[0].id}")


def _stretch(conn: Conn, run_id: str, query: LogQuery) -> Stretch:
    chosen = query.filters(run_id)
    if query.line:
        return _around_line(conn, run_id, query.line)
    if query.after:
        lines, later = logs.page(conn, chosen, "TIMESTAMP_ASC", MOST, query.after)
        earlier = logs.key(lines[0]) if lines else None
    else:
        most = MATCHES if query.q and query.around else MOST
        lines, earlier = logs.page(conn, chosen, "TIMESTAMP_DESC", most, query.before or None)
        lines, later = lines[::-1], None
        later = logs.key(lines[-1]) if query.before and lines else None
    matched = {line.id for line in lines}
    if query.q and query.around:
        lines = _with_context(conn, run_id, lines, query.around)
    return Stretch(lines, matched, earlier, later)


def _around_line(conn: Conn, run_id: str, id: str) -> Stretch:
    """The lines on both sides of one, whatever they are."""
    line = found(logs.get(conn, id), "log line")
    chosen, key = LogQuery().filters(run_id), logs.key(line)
    before, earlier = logs.page(conn, chosen, "TIMESTAMP_DESC", MOST // 2, key)
    after, later = logs.page(conn, chosen, "TIMESTAMP_ASC", MOST // 2, key)
    return Stretch([*before[::-1], line, *after], {line.id}, earlier, later)


def _with_context(conn: Conn, run_id: str, matches: list[Log], around: int) -> list[Log]:
    """The matches with some lines on both sides of each, in order and once."""
    chosen = LogQuery().filters(run_id)
    known = {line.id: line for line in matches}
    for line in matches:
        for sort in ("TIMESTAMP_DESC", "TIMESTAMP_ASC"):
            beside, _ = logs.page(conn, chosen, sort, around, logs.key(line))
            known |= {each.id: each for each in beside if each.id not in known}
    return sorted(known.values(), key=lambda line: (line.timestamp, line.id))


async def download(call: Call, query: LogQuery) -> StreamingResponse:
    """The log as text, as much as there is, read in batches."""
    run: FlowRun = found(await call.store.read(flow_runs.get, call.path["id"]), "run")
    headers = {"Content-Disposition": f'attachment; filename="{run.id}.log"'}
    chosen = query.filters(run.id)
    return StreamingResponse(_lines(call, chosen), media_type="text/plain; charset=utf-8", headers=headers)


async def one_line(call: Call, query: LogQuery) -> StreamingResponse:
    """One line in full, however long it is."""
    line = found(await call.store.read(logs.get, query.line), "log line")
    headers = {"Content-Disposition": f'attachment; filename="{line.id}.txt"'}
    return StreamingResponse(
        iter([plain(line.message)]), media_type="text/plain; charset=utf-8", headers=headers
    )


async def _lines(call: Call, chosen: LogFilter) -> AsyncIterator[str]:
    after: str | None = None
    while True:
        batch, after = await gather(call, logs.page, chosen, "TIMESTAMP_ASC", BATCH, after)
        yield "".join(_as_text(line) for line in batch)
        if after is None:
            return


def _as_text(line: Log) -> str:
    return f"{iso(line.timestamp)} {level(line.level)[1]:<5} {line.name}  {plain(line.message)}\n"


def cut(line: Log) -> int:
    """How many letters of a line a page leaves out."""
    return max(len(line.message) - LONGEST, 0)
