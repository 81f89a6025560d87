"""Who is asking? The one file that knows whether a value leaves as JSON, as a block, as a page or as a redirect."""

from __future__ import annotations

import gzip
import json
from enum import Enum
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import Send

from orion.model import wire
from orion.web import said
from orion.web.call import Call, Reply
from orion.web.errors import sentence
from orion.web.security import is_loopback

JSON = "application/json"
HTML = "text/html; charset=utf-8"
VARY = "Accept, Accept-Encoding, HX-Request-Type, HX-Target"
NO_BODY = (204, 304)
WORTH_ZIPPING = 1400

_JSON_HEADERS = ((b"content-type", b"application/json"), (b"vary", VARY.encode()))


class Face(Enum):
    """The shapes of one value."""

    JSON = "json"
    BLOCK = "block"
    PAGE = "page"


def face(call: Call) -> Face:
    """Below /api always JSON; elsewhere what htmx or the browser asks for, and a page for all the rest."""
    if call.is_api:
        return Face.JSON
    if call.headers.get("hx-request-type") == "partial":
        return Face.BLOCK
    accept = call.headers.get("accept", "")
    if "application/json" in accept and "text/html" not in accept:
        return Face.JSON
    return Face.PAGE


def shows_nav(call: Call) -> bool:
    """Whether the answer holds the navigation's counts: a whole page, or the part of it that asks again.

    A form that comes back with its faults is a whole page too.
    """
    shape, target = face(call), call.headers.get("hx-target", "")
    again = call.scope["method"] == "GET" and shape is Face.BLOCK and target.endswith("#page")
    return shape is Face.PAGE or again


async def send_reply(call: Call, reply: Reply, send: Send) -> None:
    """Send the value in the shape that was asked for."""
    if call.is_api:
        await _send_json(call, reply, send)
    else:
        await render(call, reply)(call.scope, call.receive, send)


async def _send_json(call: Call, reply: Reply, send: Send) -> None:
    body = b"" if reply.status in NO_BODY else wire.encode(reply.data)
    headers = list(_JSON_HEADERS)
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    if len(body) >= WORTH_ZIPPING and _reads_gzip(call) and not is_loopback(_client(call)):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers.append((b"content-encoding", b"gzip"))
    if body:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if call.scope["method"] == "HEAD" else body})


def _reads_gzip(call: Call) -> bool:
    return "gzip" in call.headers.get("accept-encoding", "")


def _client(call: Call) -> str | None:
    client: tuple[str, int] | None = call.scope.get("client")
    return client[0] if client else None


def render(call: Call, reply: Reply) -> Response:
    """The answer of a page path: JSON, block, page, 303 or 304."""
    if reply.tag is not None and call.headers.get("hx-ptag") == reply.tag:
        return _response(reply, b"", 304)
    match face(call):
        case Face.JSON:
            return _zipped(call, _response(reply, wire.encode(reply.data), reply.status, JSON))
        case Face.BLOCK if reply.template is None and reply.location is not None and reply.trigger is None:
            return _response(reply, b"", 200, headers={"HX-Location": _from_the_page(call, reply.location)})
        case Face.BLOCK:
            return _zipped(call, _html(call, reply, _block(call, reply)))
        case Face.PAGE if reply.location is not None:
            return _response(
                reply, b"", 303, headers={"Location": _relative(call, reply.location), **_said(reply)}
            )
        case _:
            return _zipped(call, _html(call, reply, (reply.template or "").partition("#")[0]))


def _said(reply: Reply) -> dict[str, str]:
    """What an action has to say, kept for the page that the browser goes to next."""
    toast = (reply.trigger or {}).get("toast") or {}
    words = toast.get("error") or toast.get("text")
    return {"Set-Cookie": said.kept(words)} if words else {}


def _html(call: Call, reply: Reply, template: str) -> Response:
    from orion.web import templating

    if not template:
        return _response(reply, b"", reply.status)
    data = {**(reply.data or {}), "nav": call.nav} if call.nav else reply.data
    return _response(reply, templating.render(call.request, template, data).encode(), reply.status, HTML)


def _block(call: Call, reply: Reply) -> str:
    """The block that htmx wants to replace, if its page has one of that name; else the block that the reply names."""
    from orion.web import templating

    template = reply.template or ""
    target = call.headers.get("hx-target", "").rpartition("#")[2]
    page = template.partition("#")[0]
    return f"{page}#{target}" if page and target and target in templating.block_names(page) else template


def _relative(call: Call, location: str) -> str:
    """A location below the root as seen from this request's address, so that the console can live under a prefix."""
    if location.startswith(("/", "http:", "https:")):
        return _quoted(location)
    depth = call.address.count("/") - 1
    return "../" * depth + _quoted(location) or "./"


def _from_the_page(call: Call, location: str) -> str:
    """The same as seen from the page that htmx stands on, which may be another address than the request's."""
    from orion.web import templating

    return templating.root(call.request) + _quoted(location)


def _quoted(address: str) -> str:
    """An address as a header may hold it: what is no plain character is quoted, line ends too."""
    return quote(address, safe="/:?#[]@!$&'()*+,;=%~")


def _response(
    reply: Reply, body: bytes, status: int, media: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    answer = Response(body, status, {"Vary": VARY, **reply.headers, **(headers or {})}, media)
    if reply.tag is not None:
        answer.headers["HX-PTag"] = reply.tag
    if reply.push_url is not None:
        answer.headers["HX-Push-Url"] = _quoted(reply.push_url)
    if reply.trigger is not None:
        answer.headers["HX-Trigger"] = json.dumps(reply.trigger)
    return answer


def _zipped(call: Call, answer: Response) -> Response:
    """Compressed when it is big enough and the client can read it; JSON on loopback goes plain (see `_send_json`)."""
    body = bytes(answer.body)
    if len(body) < WORTH_ZIPPING or not _reads_gzip(call):
        return answer
    answer.body = gzip.compress(body, compresslevel=5, mtime=0)
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def error_reply(call: Call, reply: Reply, more: dict[str, Any] | None = None) -> Reply:
    """The error as its page shows it, with `more` that is known; for JSON callers it stays as it is."""
    if face(call) is Face.JSON:
        return reply
    body: dict[str, Any] = reply.data
    shown = {
        "status": reply.status,
        "title": _TITLES.get(reply.status, "Something went wrong"),
        "detail": sentence(body),
    }
    shown |= {"what": call.address, "gone": None, "made": None, "place": None, **(more or {})}
    answer = Reply(shown, "error.html#message", status=reply.status, headers=reply.headers)
    return _beside(call, answer) if _keeps(call, reply.status) else answer


def _keeps(call: Call, status: int) -> bool:
    """Whether what is shown must stay: an action that failed, or a fault of the moment."""
    return face(call) is Face.BLOCK and (call.scope["method"] != "GET" or status >= 500)


def _beside(call: Call, error: Reply) -> Reply:
    """The error as a toast; where the page asked by itself it says nothing, for it asks again."""
    unknown = error.data["detail"] == "Internal Server Error"
    words = error.data["title" if unknown else "detail"]
    own = call.scope["method"] == "GET" and call.headers.get("hx-source", "").endswith("#follow")
    return msgspec.structs.replace(
        error,
        headers={**error.headers, "HX-Reswap": "none"},
        trigger=None if own else {"toast": {"error": words}},
    )


_TITLES = {
    400: "This request cannot be understood",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "It exists already",
    413: "Too large",
    415: "Not readable here",
    422: "Please check what was entered",
    503: "Busy: try again in a moment",
}
