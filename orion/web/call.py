"""What a handler gets and gives: a `Call` in, a `Reply` out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import msgspec
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from orion.settings import Settings
    from orion.store.base import Store
    from orion.store.console import Nav


class Call:
    """One request on its way to a handler: parsed, with all a handler may ask for."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, path: dict[str, str], now: datetime
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.path = path
        self.now = now
        self.body: Any = None
        self.form: FormData = FormData()
        self.app: Starlette = scope["app"]
        self.store: Store = self.app.state.store
        self.settings: Settings = self.app.state.settings
        self.address = below_root(scope)
        self.pattern = ""  # the path of its route, once it is found
        self.nav: Nav | None = None  # what a page's navigation counts
        self.endless = False  # a stream, or a file: not counted as a request
        self.is_api = self.address.startswith("/api/") or self.address == "/api"

    @cached_property
    def headers(self) -> dict[str, str]:
        """Header fields by lower-case name; of a repeated field the last."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    @cached_property
    def query(self) -> QueryParams:
        return QueryParams(self.scope["query_string"])

    @cached_property
    def cookies(self) -> dict[str, str]:
        return cookie_parser(self.headers.get("cookie", ""))

    @cached_property
    def request(self) -> Request:
        return Request(self.scope, self.receive, self.send)

    def flag(self, name: str) -> bool:
        """A boolean of the query string: `?include_secrets=true`."""
        return unquote_plus(self.query.get(name, "")).lower() in ("true", "1", "yes", "on")

    @property
    def api_version(self) -> str | None:
        """The wire version that the client speaks, if it says so."""
        return self.headers.get("x-prefect-api-version")


def below_root(scope: Scope) -> str:
    """The path of a request without the prefix under which a proxy serves orion."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] or "/" if root and path.startswith(root) else path


class Reply(msgspec.Struct, kw_only=False):
    """A value, and how a browser sees it.

    `template` names a page or its block (`flow_runs/list.html#rows`); `location` is where a form leads, relative to
    the root (`runs/<id>`); `tag` lets a region that asks again be answered with 304.
    """

    data: Any = None
    template: str | None = None
    status: int = 200
    headers: dict[str, str] = {}
    location: str | None = None
    tag: str | None = None
    push_url: str | None = None
    trigger: dict[str, Any] | None = None


Handler = Callable[[Call], Awaitable[Reply | Response]]
