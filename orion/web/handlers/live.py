"""The live stream: names of what changed for the regions of a page, and new log lines pushed as they come."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import StreamingResponse

from orion.model.logs import Log
from orion.model.states import is_final
from orion.model.times import from_micros
from orion.store import console, flow_runs
from orion.store.base import Store
from orion.web import templating
from orion.web.pages.timeline import short_names

LEAST_GAP, FLOOD_GAP, HEARTBEAT = 0.2, 1.0, 20.0
LINES, MOST_BEHIND = 200, 1000
NAMES = {"runs", "deployments", "queues", "notifications"}
RECENT = timedelta(minutes=1)
_id = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(request: Request) -> StreamingResponse:
    """Answer with the events of `?topics=runs,run:ID,log:ID` until the page goes away."""
    topics = [topic for topic in request.query_params.get("topics", "").split(",") if _known(topic)][:10]
    follower = _follower(request, topics)
    return StreamingResponse(
        _events(request, topics, follower), media_type="text/event-stream", headers=HEADERS
    )


def _known(topic: str) -> bool:
    kind, _, id = topic.partition(":")
    return topic in NAMES or (kind in ("run", "log") and bool(_id(id)))


async def _events(request: Request, topics: list[str], follower: Follower | None) -> AsyncIterator[str]:
    store, closing = request.app.state.store, request.app.state.closing
    run_id = next((topic[4:] for topic in topics if topic.startswith("run:")), None)
    with store.bus.subscribe(topics) as subscription:
        yield "retry: 1000\nid: begun\n\n"
        heard = set(topics) if _missed(request, store.bus.told) else set[str]()
        while not closing.is_set():
            if follower:
                async for message in follower.new_lines():
                    yield message
            for name in sorted({topic.partition(":")[0] for topic in heard} & {*NAMES, "run"}):
                yield f"event: {name}\ndata: {name}\n\n"
            if run_id and await store.read(_ended, run_id):
                yield "event: done\ndata: done\n\n"
                return
            await asyncio.sleep(FLOOD_GAP if follower and follower.flooded else LEAST_GAP)
            heard = await _next(subscription.wait(HEARTBEAT), closing)
            if "*" in heard:
                heard = set(topics)
            if not heard:
                yield ": still here\n\n"


def _missed(request: Request, told: int) -> bool:
    """Whether something was told between the rendering of the page (or a lost connection) and now."""
    return "last-event-id" in request.headers or request.query_params.get("told") != str(told)


async def _next(waiting: object, closing: asyncio.Event) -> set[str]:
    """What was told next; nothing when the server closes or the time is over."""
    told = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
    shut = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait({told, shut}, return_when=asyncio.FIRST_COMPLETED)
        return set(told.result()) if told.done() else set()
    finally:
        for task in (told, shut):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _ended(conn: object, run_id: str) -> bool:
    run = flow_runs.get(conn, run_id)  # type: ignore[arg-type]
    return run is None or is_final(run.state_type)


def _follower(request: Request, topics: list[str]) -> Follower | None:
    run_id = next((topic[4:] for topic in topics if topic.startswith("log:")), None)
    return Follower(request, run_id) if run_id else None


class Follower:
    """New lines of one run's log, in the order of their arrival, from a line that the page has already."""

    def __init__(self, request: Request, run_id: str) -> None:
        self.store: Store = request.app.state.store
        self.request = request
        self.run_id = run_id
        self.task = request.query_params.get("task", "")
        told = request.headers.get("last-event-id", "")
        sent = told if _id(told) else request.query_params.get("after", "")
        self.after = sent if _id(sent) else ""
        self.flooded = False  # then the browser gets time to draw and to answer clicks

    async def new_lines(self) -> AsyncIterator[str]:
        """Messages with the lines since the last look; of a flood only the beginning, and how many were left out."""
        batch = await self.store.read(
            console.logs_after, self.run_id, self.after, _since(self.after), MOST_BEHIND + 1
        )
        for start in range(0, min(len(batch), MOST_BEHIND), LINES):
            part = batch[start : min(start + LINES, MOST_BEHIND)]
            self.after = part[-1].id
            if lines := self._wanted(part):
                yield await self._message(lines)
        self.flooded = len(batch) > MOST_BEHIND
        if self.flooded:
            skipped, self.after = await self.store.read(
                console.log_count_after, self.run_id, self.after, _since(self.after)
            )
            yield self._note(skipped)

    def _wanted(self, batch: list[Log]) -> list[Log]:
        return [line for line in batch if not self.task or line.task_run_id == self.task]

    async def _message(self, lines: list[Log]) -> str:
        names = await self.store.read(console.task_run_names, [line.task_run_id for line in lines])
        html = templating.lines(self.request, lines, short_names(names))
        return self._partial(html)

    def _note(self, number: int) -> str:
        return self._partial(
            f'<li class="older">… {number:,} lines skipped; reload the page to see them.</li>'
        )

    def _partial(self, html: str) -> str:
        part = f'<hx-partial hx-target="#log" hx-swap="beforeend">{html}</hx-partial>'
        data = "\n".join(f"data: {line}" for line in part.splitlines())
        return f"id: {self.after}\n{data}\n\n"


def _since(after: str):  # type: ignore[no-untyped-def]
    """When a line arrived, by its id; the beginning of time for no line."""
    return from_micros(0) if not after else from_micros((UUID(after).int >> 80) * 1000) - RECENT
