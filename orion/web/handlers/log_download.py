"""The log of a run as a file, text or CSV, read in batches while it is sent."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.responses import StreamingResponse

from orion.errors import Invalid, NotFound
from orion.model.filters import LogFilter, NullableIdCriterion
from orion.model.logs import Log
from orion.model.wire import encode
from orion.store import flow_runs, logs
from orion.web.call import Call

BATCH = 1000
COLUMNS = ("timestamp", "level", "flow_run_id", "task_run_id", "logger", "message")


async def download(call: Call) -> StreamingResponse:
    """The whole log of a run as a file: `?format=csv` (the default) or `?format=text`."""
    kind = call.query.get("format", "csv")
    if kind not in WRITERS:
        raise Invalid(f"There is no format {kind!r}; there is: {', '.join(WRITERS)}.")
    run_id = call.path["id"]
    if await call.store.glance(flow_runs.get, run_id) is None:
        raise NotFound("Flow run not found")
    media, ending, write = WRITERS[kind]
    headers = {"Content-Disposition": f'attachment; filename="{run_id}.{ending}"'}
    return StreamingResponse(_batches(call, run_id, write), media_type=media, headers=headers)


async def _batches(call: Call, run_id: str, write: Callable[[Sequence[Log]], str]) -> AsyncIterator[str]:
    chosen = LogFilter(flow_run_id=NullableIdCriterion(any_=[run_id]))
    yield write([])
    after: str | None = None
    while True:
        lines, after = await call.store.read(logs.page, chosen, "TIMESTAMP_ASC", BATCH, after)
        if lines:
            yield write(lines)
        if after is None:
            return


def _csv(lines: Sequence[Log]) -> str:
    """The lines, or, for none, the heading."""
    text = io.StringIO()
    writer = csv.writer(text)
    if not lines:
        writer.writerow(COLUMNS)
    for line in lines:
        row = (_time(line), line.level, line.flow_run_id, line.task_run_id, line.name, line.message)
        writer.writerow(row)
    return text.getvalue()


def _text(lines: Sequence[Log]) -> str:
    return "".join(
        f"{_time(line)} {logging.getLevelName(line.level):<8} {line.name}  {line.message}\n" for line in lines
    )


def _time(line: Log) -> str:
    return encode(line.timestamp).decode().strip('"')


WRITERS = {
    "csv": ("text/csv; charset=utf-8", "csv", _csv),
    "text": ("text/plain; charset=utf-8", "log", _text),
}
