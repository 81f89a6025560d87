"""Transports for httpx over kept-alive sockets of one's own, for plain http without a proxy."""

from __future__ import annotations

import socket
import threading
from typing import Any

from orion.sdk.http import httpx
from orion.sdk.http1 import ResponseParser, message

READ = 65_536


class SocketTransport(httpx.BaseTransport):
    """Keeps sockets alive and hands each request an idle one; safe to share among threads."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        data = message(request, request.read())
        used = self._take()
        if used is not None:
            try:
                return self._exchange(used, request, data, limits.get("read"))
            except (ConnectionError, httpx.RemoteProtocolError):
                pass  # the server closes idle connections; every request of ours may be sent twice
            except TimeoutError as error:
                raise httpx.ReadTimeout(str(error), request=request) from error
        return self._fresh(request, data, limits)

    def _fresh(self, request: httpx.Request, data: bytes, limits: Any) -> httpx.Response:
        try:
            new = socket.create_connection(self._address, limits.get("connect"))
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self._exchange(new, request, data, limits.get("read"))
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except OSError as error:
            raise httpx.ReadError(str(error), request=request) from error

    def _exchange(
        self, link: socket.socket, request: httpx.Request, data: bytes, seconds: float | None
    ) -> httpx.Response:
        parser = ResponseParser()
        try:
            link.settimeout(seconds)
            link.sendall(data)
            while not parser.done:
                parser.feed(link.recv(READ))
        except BaseException:
            link.close()
            raise
        self._give_back(link, parser.keeps_alive)
        return parser.response(request)

    def _take(self) -> socket.socket | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, link: socket.socket, alive: bool) -> None:
        if alive:
            with self._lock:
                self._idle.append(link)
        else:
            link.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for link in idle:
            link.close()


class StreamTransport(httpx.AsyncBaseTransport):
    """The same for one event loop."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._idle: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import asyncio

        limits = request.extensions.get("timeout", {})
        data = message(request, await request.aread())
        if self._idle:
            try:
                async with asyncio.timeout(limits.get("read")):
                    return await self._exchange(self._idle.pop(), request, data)
            except (ConnectionError, httpx.RemoteProtocolError):
                pass
            except TimeoutError as error:
                raise httpx.ReadTimeout("no answer in time", request=request) from error
        return await self._fresh(request, data, limits)

    async def _fresh(self, request: httpx.Request, data: bytes, limits: Any) -> httpx.Response:
        import asyncio

        try:
            async with asyncio.timeout(limits.get("connect")):
                link = await asyncio.open_connection(*self._address)
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        try:
            async with asyncio.timeout(limits.get("read")):
                return await self._exchange(link, request, data)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time", request=request) from error
        except OSError as error:
            raise httpx.ReadError(str(error), request=request) from error

    async def _exchange(self, link: Any, request: httpx.Request, data: bytes) -> httpx.Response:
        reader, writer = link
        parser = ResponseParser()
        try:
            writer.write(data)
            while not parser.done:
                parser.feed(await reader.read(READ))
        except BaseException:
            writer.close()
            raise
        if parser.keeps_alive:
            self._idle.append(link)
        else:
            writer.close()
        return parser.response(request)

    async def aclose(self) -> None:
        import contextlib

        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
