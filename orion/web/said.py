"""What an action says when it is done: the words of those whose handlers say nothing themselves."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec

from orion.web.call import Call, Reply

WORDS = {
    "/flows/{id}/delete": "Deleted the flow, its runs and its deployments",
    "/runs/{id}/delete": "Deleted the run",
    "/task-runs/{id}/delete": "Deleted the task run",
    "/deployments/{id}/delete": "Deleted the deployment",
    "/deployments/{id}/clone": "Made a copy; its schedules are switched off",
    "/queues": "Created the work queue",
    "/queues/{id}/edit": "Saved the work queue",
    "/queues/{id}/delete": "Deleted the work queue",
    "/blocks/catalog/{slug}/create": "Created the block",
    "/blocks/{id}/edit": "Saved the block",
    "/blocks/{id}/delete": "Deleted the block",
    "/notifications": "Saved the policy",
    "/notifications/{id}/edit": "Saved the policy",
    "/notifications/{id}/delete": "Deleted the policy",
    "/artifacts/{id}/delete": "Deleted the artifact",
    "/variables": "Created the variable",
    "/variables/{id}/edit": "Saved the variable",
    "/variables/{id}/delete": "Deleted the variable",
    "/limits": "The limit is set",
    "/limits/{id}/edit": "The limit is changed",
    "/limits/{id}/reset": "All its slots are free",
    "/limits/{id}/delete": "Deleted the limit",
}


def aloud(call: Call, reply: Reply) -> Reply:
    """The reply, and for the page that it leads to the words of what was done."""
    words = WORDS.get(call.pattern)
    silent = reply.location is None or reply.trigger is not None or "Set-Cookie" in reply.headers
    if words is None or silent or call.is_api or call.scope["method"] != "POST":
        return reply
    return msgspec.structs.replace(reply, headers={**reply.headers, "Set-Cookie": kept(words)})


class Undo(NamedTuple):
    """What can be taken back: the cancel of a moment, in microseconds, and how many runs it ended before they began."""

    at: int
    number: int


class Said(NamedTuple):
    """What the last action said, and what of it can be taken back."""

    words: str = ""
    undo: Undo | None = None


def kept(words: str, undo: Undo | None = None) -> str:
    """Words as the cookie that the next page shows and forgets."""
    more = f"|{undo.at}|{undo.number}" if undo else ""
    return f"said={quote(words)}{more}; Max-Age=5; Path=/; SameSite=Lax"


def heard(cookie: str) -> Said:
    """The words of the cookie; what does not look like an undo is none."""
    words, *more = cookie.split("|")
    known = len(more) == 2 and all(each.isdecimal() and len(each) <= 16 for each in more)
    return Said(unquote(words), Undo(int(more[0]), int(more[1])) if known else None)
