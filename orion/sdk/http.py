"""Transports of httpx, for what sockets of one's own do not do: TLS, proxies, logins in the URL, redirects.

Imported only when one of them is needed: httpx is half of what a flow's process would import.
"""

from __future__ import annotations

import sys

from orion.sdk.exchange import Message, Response, Unanswered

if "httpx" not in sys.modules:
    # Without its command line, which would bring rich and pygments along and double the time of its import.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # httpx takes this for a missing extra
    import httpx

    del sys.modules["httpx._main"]
else:
    import httpx


class HttpxTransport:
    """Sends to a root such as `https://orion.example.com`; safe to share among threads."""

    def __init__(self, root: str, connect: float, read: float) -> None:
        self._root, self._limits = root, httpx.Timeout(read, connect=connect)
        self._client = httpx.Client(follow_redirects=True)

    def send(self, message: Message) -> Response:
        try:
            return _whole(self._client.send(_request(self._root, self._limits, message)))
        except httpx.RequestError as error:
            raise Unanswered(str(error) or type(error).__name__) from error

    def close(self) -> None:
        self._client.close()


class AsyncHttpxTransport:
    """The same for one event loop."""

    def __init__(self, root: str, connect: float, read: float) -> None:
        self._root, self._limits = root, httpx.Timeout(read, connect=connect)
        self._client = httpx.AsyncClient(follow_redirects=True)

    async def send(self, message: Message) -> Response:
        try:
            return _whole(await self._client.send(_request(self._root, self._limits, message)))
        except httpx.RequestError as error:
            raise Unanswered(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        await self._client.aclose()


def _request(root: str, limits: httpx.Timeout, message: Message) -> httpx.Request:
    return httpx.Request(
        message.method,
        root + message.target,
        headers=list(message.headers),
        content=message.body or None,
        extensions={"timeout": limits.as_dict()},
    )


def _whole(response: httpx.Response) -> Response:
    return Response(response.status_code, dict(response.headers), response.content)
