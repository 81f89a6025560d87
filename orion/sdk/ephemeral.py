"""The API in this process: the very app that a server runs, without its services, reached without a socket."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote

from orion.errors import DatabaseOwned
from orion.sdk.exchange import Message, Response
from orion.sdk.exits import at_exit
from orion.sdk.portal import portal
from orion.settings import Settings


class LocalApp:
    """An app with its lifespan entered, on the background loop."""

    def __init__(self, settings: Settings) -> None:
        from orion.web.factory import build_app

        self.identity = "database " + hashlib.sha256(settings.database_url.encode()).hexdigest()[:16]
        self.asgi = build_app(_private(settings), services=False)
        self._lifespan: AbstractAsyncContextManager[Any] = self.asgi.router.lifespan_context(self.asgi)
        portal().call(self._lifespan.__aenter__())

    def close(self) -> None:
        portal().call(self._lifespan.__aexit__(None, None, None))


_apps: dict[tuple[Any, ...], LocalApp] = {}
_lock = threading.Lock()


def mount(settings: Settings) -> LocalApp | str:
    """The app of these settings, one for each set of them; or the URL of the server that has the database open."""
    key = _key(settings)
    with _lock:
        if key not in _apps:
            try:
                _apps[key] = LocalApp(settings)
            except DatabaseOwned as error:
                if not error.extra.get("address"):
                    raise
                return str(error.extra["address"])
        return _apps[key]


def unmount(settings: Settings | None = None) -> None:
    """Close the app of these settings, or all of them."""
    with _lock:
        keys = list(_apps) if settings is None else [_key(settings)]
        found = [_apps.pop(key) for key in keys if key in _apps]
    for app in found:
        app.close()


def _key(settings: Settings) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in settings.values.items()))


def _private(settings: Settings) -> Settings:
    """The same settings for an app that nobody outside can reach: no login, no console."""
    return settings.with_updates(
        {
            "ORION_HOST": "127.0.0.1",
            "ORION_PORT": 4200,
            "ORION_PUBLIC_URL": None,
            "ORION_ALLOWED_HOSTS": "",
            "ORION_ADMIN_KEY": None,
            "ORION_UI_ENABLED": False,
        }
    )


class LocalTransport:
    """Requests of a sync client, carried to the background loop."""

    def __init__(self, app: LocalApp) -> None:
        self._app = app

    def send(self, message: Message) -> Response:
        return portal().call(_respond(self._app.asgi, message))

    def close(self) -> None:
        """The app stays for the other clients of this process."""


class AsyncLocalTransport:
    """Requests of an async client, carried to the background loop."""

    def __init__(self, app: LocalApp) -> None:
        self._app = app

    async def send(self, message: Message) -> Response:
        return await asyncio.wrap_future(portal().spawn(_respond(self._app.asgi, message)))

    async def close(self) -> None:
        """The app stays for the other clients of this process."""


async def _respond(app: Any, message: Message) -> Response:
    """One request through the ASGI interface, its answer read whole."""
    status, headers, parts = 500, {}, []
    sent = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": message.body, "more_body": False}

    async def send(part: MutableMapping[str, Any]) -> None:
        nonlocal status, headers
        if part["type"] == "http.response.start":
            status = part["status"]
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in part.get("headers", ())}
        elif part["type"] == "http.response.body":
            parts.append(part.get("body", b""))

    await app(_scope(message), receive, send)
    return Response(status, headers, b"".join(parts))


def _scope(message: Message) -> dict[str, Any]:
    path, _, query = message.target.partition("?")
    headers = [("host", "127.0.0.1"), *message.headers, ("content-length", str(len(message.body)))]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": message.method,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "state": {},
    }


at_exit(unmount)
