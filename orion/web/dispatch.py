"""The hall behind the street door: admit a request, find its handler, give it its call and send the reply."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from orion.errors import BadRequest, NotFound
from orion.store import console
from orion.web import deletions, negotiate, parse, said
from orion.web.call import Call, Reply, below_root
from orion.web.errors import MethodNotAllowed, describe
from orion.web.route import Route, RouteMap, name_values
from orion.web.security import HEADERS, STRICT_TRANSPORT, Guard, check_api_version
from orion.web.traffic import Traffic

WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
PLAIN = "/:?#[]@!$&'()*+,;=%~"  # what of an address may stand in a header as it was sent


class Dispatch:
    """The ASGI application of every path."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        guard: Guard,
        sockets: dict[str, Callable[..., Any]],
        clock: Callable[[], datetime],
        traffic: Traffic,
    ) -> None:
        self.map = RouteMap(routes)
        self.guard = guard
        self.sockets = sockets
        self.clock = clock
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        call = Call(scope, receive, send, {}, self.clock())
        sending, began = Sending(scope, send), perf_counter()
        try:
            await self._answer(call, sending)
        except parse.Disconnected:
            return
        except Exception as error:
            if sending.status:
                raise
            await _send_error(call, describe(error), sending)
        if not call.endless:
            method = scope["method"] if call.pattern else "*"
            self.traffic.record(method, call.pattern, sending.status, perf_counter() - began)

    async def _answer(self, call: Call, send: Send) -> None:
        scope = call.scope
        self.guard.admit(scope, call.headers)
        route = self._route(call)
        if isinstance(route, Reply):
            await negotiate.send_reply(call, route, send)
            return
        if route.raw:
            call.endless = True
            scope["path_params"] = call.path
            await (await route.handler(call.request))(scope, call.receive, send)
            return
        await _read_body(call, route)
        await deletions.noted(call)
        reply = await route.handler(call)
        if isinstance(reply, Response):
            await reply(scope, call.receive, send)
        else:
            reply = said.aloud(call, reply)
            if reply.template and negotiate.shows_nav(call):
                call.nav = await call.store.read(console.nav, call.now)
            await negotiate.send_reply(call, reply, send)

    def _route(self, call: Call) -> Route | Reply:
        """The route of the request, or the redirect to the same path with or without its last slash."""
        scope = call.scope
        found = self.map.find(call.address, _raw_address(scope))
        if found is None:
            return self._other_slash(scope, call.address)
        methods, values = found
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in methods:
            return self._page_above(call, methods)
        if b"%00" in scope["query_string"]:
            raise BadRequest("A query string may not hold the character NUL.")
        route, names = methods[method]
        call.pattern = f"/api{route.api}" if call.is_api else route.page or ""
        if call.is_api:
            check_api_version(call.api_version)
        named = name_values(names, values)
        if named is None:
            raise NotFound()
        call.path = named
        return route

    def _other_slash(self, scope: Scope, path: str) -> Reply:
        other, sent = _turned(path), quote(_raw_address(scope) or path, safe=PLAIN).partition("?")[0]
        if self.map.find(other, _turned(sent).encode()) is None:
            raise NotFound()
        query = quote(scope["query_string"], safe=PLAIN)
        location = quote(scope.get("root_path", ""), safe=PLAIN) + _turned(sent)
        return Reply(None, status=307, headers={"Location": location + (f"?{query}" if query else "")})

    def _page_above(self, call: Call, methods: dict[str, Any]) -> Reply:
        """Who reads the address of a form's action, as a reload does, is sent to the page that holds the form."""
        above = call.address.rpartition("/")[0]
        found = self.map.find(above, None)
        reads = call.scope["method"] == "GET" and negotiate.face(call) is negotiate.Face.PAGE
        if reads and found and "GET" in found[0]:
            return Reply(None, status=303, location=above[1:])
        raise MethodNotAllowed(headers={"Allow": _allowed(methods)})

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self.sockets.get(below_root(scope))
        try:
            self.guard.admit(scope, {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]})
            if handler is None:
                raise NotFound()
        except Exception as error:
            await _refuse_socket(scope, receive, send, describe(error))
            return
        await handler(scope, receive, send, self.guard)


async def _read_body(call: Call, route: Route) -> None:
    """Fill `call.body` (the API's JSON) or `call.form` (a page's form)."""
    most: int = call.settings.api_max_body * (5 if route.logs else 1)
    if call.is_api:
        if route.body is not None:
            call.body = await parse.api_body(call, route.body, most)
    elif call.scope["method"] in WITH_BODY:
        call.form = await parse.form_body(call, most)
        if route.form is not None:
            call.body = route.form(call)


async def _send_error(call: Call, reply: Reply, send: Send) -> None:
    try:
        more = await deletions.told(call) if reply.status == 404 and not call.is_api else {}
        await negotiate.send_reply(call, negotiate.error_reply(call, reply, more), send)
    except Exception as error:
        plain = describe(error).data["exception_message"] if reply.status == 500 else "the error page failed"
        await Response(str(plain), 500, media_type="text/plain")(call.scope, call.receive, send)


class Sending:
    """`send`, adding the headers that every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.status = 0
        self._send = send
        self._extra = (*HEADERS, STRICT_TRANSPORT) if scope["scheme"] == "https" else HEADERS

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._extra]
        await self._send(message)


def _raw_address(scope: Scope) -> bytes | None:
    raw: bytes | None = scope.get("raw_path")
    root = scope.get("root_path", "").encode()
    return raw[len(root) :] if raw and root and raw.startswith(root) else raw


def _turned(path: str) -> str:
    """The path with a slash at its end, or without the one that it has."""
    return path[:-1] if path.endswith("/") else path + "/"


def _allowed(methods: dict[str, Any]) -> str:
    return ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))


async def _refuse_socket(scope: Scope, receive: Receive, send: Send, reply: Reply) -> None:
    """Refuse the upgrade with the error's status, where the server can; else by closing."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": reply.status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close", "code": 1008})
