"""An HTTP client that talks to an app in the process: plain calls for tests, one event loop in a thread behind them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
from starlette.applications import Starlette

from orion.web.route import RouteMap
from orion.web.routes import routes

T = TypeVar("T")
ROUTES = RouteMap(routes(False))


def assert_promised(method: str, answer: httpx.Response) -> None:
    """The status and the body of an answer are those of the route table, and so of the OpenAPI document."""
    found = ROUTES.find(answer.url.path, answer.url.raw_path)
    assert found is not None
    route, _ = found[0][method]
    assert answer.status_code in (route.status, *route.also)
    if route.answer is bytes:
        assert answer.headers["content-disposition"].startswith("attachment")
    elif answer.status_code == 204 or route.answer is None:
        assert answer.content in (b"", b"null")
    else:
        msgspec.json.decode(answer.content, type=route.answer)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Client:
    """`client.post("/api/flows/", json=…)` and its kind, against an app whose lifespan has been entered."""

    def __init__(self, app: Starlette, base_url: str = "http://127.0.0.1:4200") -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._http = self.wait(self._open(base_url))

    async def _open(self, base_url: str) -> httpx.AsyncClient:
        self._lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespan.__aenter__()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=base_url)

    def wait(self, work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Run a coroutine on the client's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def start(self, method: str, url: str, **kw: Any) -> Any:
        """Send a request and go on; `.result(seconds)` of what is returned is its answer."""
        return asyncio.run_coroutine_threadsafe(self._http.request(method, url, **kw), self._loop)

    def request(self, method: str, url: str, **kw: Any) -> httpx.Response:
        """Send a request; what the API answers must be of the type that the route table promises."""
        answer = self.wait(self._http.request(method, url, **kw))
        if answer.is_success and method not in ("HEAD", "OPTIONS") and answer.url.path.startswith("/api/"):
            assert_promised(method, answer)
        return answer

    def send_each(self, method: str, url: str, bodies: Iterable[bytes]) -> list[httpx.Response]:
        """The answers to JSON bodies, one after the other: many thousands of them, so past what httpx does for one."""
        asked = httpx.Request(
            method, self._http.base_url.join(url), headers={"Content-Type": "application/json"}
        )
        answers = self.wait(self._send_each(asked, bodies), 600)
        for answer in answers:
            if answer.is_success:
                assert_promised(method, answer)
        return answers

    async def _send_each(self, asked: httpx.Request, bodies: Iterable[bytes]) -> list[httpx.Response]:
        return [await self._send(asked, body) for body in bodies]

    async def _send(self, asked: httpx.Request, body: bytes) -> httpx.Response:
        """One request as a server would hand it to the app."""
        headers = [*asked.headers.raw, (b"content-length", str(len(body)).encode())]
        scope = {
            "type": "http", "http_version": "1.1", "method": asked.method, "scheme": "http", "root_path": "",
            "path": asked.url.path, "raw_path": asked.url.raw_path, "query_string": asked.url.query,
            "headers": [(name.lower(), value) for name, value in headers],
            "client": ("127.0.0.1", 4201), "server": ("127.0.0.1", 4200), "asgi": {"version": "3.0"},
        }  # fmt: skip
        parts: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(part: MutableMapping[str, Any]) -> None:
            parts.append(part)

        await self.app(scope, receive, send)
        start, *rest = parts
        content = b"".join(part.get("body", b"") for part in rest)
        return httpx.Response(start["status"], headers=start["headers"], content=content, request=asked)

    def get(self, url: str, **kw: Any) -> httpx.Response:
        return self.request("GET", url, **kw)

    def post(self, url: str, **kw: Any) -> httpx.Response:
        return self.request("POST", url, **kw)

    def put(self, url: str, **kw: Any) -> httpx.Response:
        return self.request("PUT", url, **kw)

    def patch(self, url: str, **kw: Any) -> httpx.Response:
        return self.request("PATCH", url, **kw)

    def delete(self, url: str, **kw: Any) -> httpx.Response:
        return self.request("DELETE", url, **kw)

    def close(self) -> None:
        self.wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        await self._http.aclose()
        await self._lifespan.__aexit__(None, None, None)
