"""What the page handlers share: the viewer, the server's own address, small values of many pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from orion.errors import NotFound
from orion.model import schedules
from orion.model.deployments import Deployment
from orion.model.schedule_words import in_words
from orion.store import block_documents
from orion.store.base import Conn
from orion.store.console import Past
from orion.web.call import Call, Reply
from orion.web.charts.bars import Bar
from orion.web.charts.durations import Dot
from orion.web.display import duration, look, plural, viewer
from orion.web.said import kept
from orion.web.templating import viewer_of

PAGE = 50
_inside = re.compile(r"(runs|task-runs|queues|deployments)(/[0-9a-f-]{36}(/[a-z]+)?)?(\?[^#]*)?").fullmatch
T = TypeVar("T")


def see(call: Call) -> datetime:
    """Take note of who looks: from here on times are told in the browser's zone. Returns the call's now."""
    viewer.set(viewer_of(call.request, call.now))
    return call.now


async def gather(call: Call, read: Callable[..., T], *args: Any) -> T:
    """`read(conn, *args)` on a connection, in another thread but with the viewer of this call."""
    context = copy_context()
    return await call.store.read(lambda conn: context.run(read, conn, *args))


def here(call: Call) -> str:
    """The page's own address relative to the console's root, query included: what a region asks again."""
    query = call.scope["query_string"].decode("latin-1")
    return call.address[1:] + (f"?{query}" if query else "")


def address(path: str, /, **said: str | None) -> str:
    """The address of a page relative to the console's root, with what its query says; what is empty is left out."""
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path


def back(call: Call, otherwise: str) -> str:
    """Where a form was sent from, if that is a page of this console."""
    said = str(call.form.get("back", ""))
    return said if _inside(said) else otherwise


def api_url(call: Call) -> str:
    """The API's address for commands to copy: as it is set, or else as this browser reaches it."""
    if call.settings.ui_api_url:
        return str(call.settings.ui_api_url).rstrip("/")
    if call.settings.public_url:
        return f"{call.settings.public_url.rstrip('/')}/api"
    scheme = call.scope.get("scheme", "http")
    return f"{scheme}://{call.headers.get('host', '127.0.0.1:4200')}{call.scope.get('root_path', '')}/api"


def opened_anew(reply: Reply) -> Reply:
    """Lead to the page anew, with the toast: the page of what has ended hears of nothing and would stay as it is."""
    said = (reply.trigger or {}).get("toast", {}).get("text")
    if said is None:
        return reply
    return Reply(reply.data, location=reply.location, headers={"Set-Cookie": kept(said)})


def found(value: Any, what: str) -> Any:
    """The value, or the 404 page that says what is not there."""
    if value is None:
        raise NotFound(f"There is no such {what}; it may have been deleted.")
    return value


def schedule_words(deployment: Deployment) -> str:
    """The schedules of a deployment in words: Every day at 02:00, Berlin."""
    said = []
    for each in deployment.schedules:
        schedule = schedules.from_dict(msgspec.json.decode(each.schedule))
        off = "" if each.active else " (off)"
        said.append(in_words(schedule) + off)
    return " and ".join(said) or "No schedule"


def as_bars(past: list[Past], *, linked: bool = False) -> list[Bar]:
    """Runs as small bars."""
    return [_bar(run, linked) for run in past]


def _bar(run: Past, linked: bool) -> Bar:
    seen = look(run.state_type, run.state_name)
    title = f"{run.name} · {seen} · {duration(run.seconds)}"
    return Bar(seen, run.seconds, f"runs/{run.id}" if linked else None, title)


def as_dot(run: Past) -> Dot:
    """A run by when it began and how long it took."""
    seen = look(run.state_type, run.state_name)
    title = f"{run.name} · {seen} · {duration(run.seconds)}"
    return Dot(run.start_time or run.expected, run.seconds, seen, f"runs/{run.id}", title)


@dataclass(frozen=True)
class Page:
    """Which stretch of a list is shown, in words and as addresses."""

    shown: str
    newer: str | None
    older: str | None


def stretch(at: int, number: int, total: int, one: str) -> str:
    """1–50 of 941 runs; 6 runs where all are shown."""
    every = plural(max(total, at + number), one)
    return f"{at + 1:,}–{at + number:,} of {every}" if 0 < number < total else every


def blocks_in_words(conn: Conn, named: Iterable[tuple[str, str | None]]) -> list[tuple[str, str, str]]:
    """Title, id and words of each block that something names; what names none is left out."""
    return [(title, id, _block(conn, id)) for title, id in named if id]


def _block(conn: Conn, id: str) -> str:
    document = block_documents.get(conn, id)
    if document is None or document.block_type is None:
        return "a block that was deleted"
    return f"{document.block_type.slug} / {'without a name' if document.is_anonymous else document.name}"
