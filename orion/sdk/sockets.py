"""Transports over kept-alive sockets of one's own, for plain http without a proxy."""

from __future__ import annotations

import socket
import threading
from typing import Any, NamedTuple

from orion.sdk.exchange import Message, Response, Unanswered
from orion.sdk.http1 import ResponseParser, encoded

READ = 65_536


class Place(NamedTuple):
    """Where a server listens, how it is called, and for how many seconds it is waited for."""

    host: str
    port: int
    name: str
    connect: float
    read: float


class SocketTransport:
    """Keeps sockets alive and hands each request an idle one; safe to share among threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()

    def send(self, message: Message) -> Response:
        data = encoded(message, self._place.name)
        used = self._take()
        if used is not None:
            try:
                return self._exchange(used, data)
            except TimeoutError as error:
                raise Unanswered(str(error)) from error
            except (ConnectionError, Unanswered):
                pass  # the server closes idle connections; every request of ours may be sent twice
        try:
            return self._exchange(self._open(), data)
        except OSError as error:
            raise Unanswered(str(error)) from error

    def _open(self) -> socket.socket:
        new = socket.create_connection((self._place.host, self._place.port), self._place.connect)
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        new.settimeout(self._place.read)
        return new

    def _exchange(self, link: socket.socket, data: bytes) -> Response:
        parser = ResponseParser()
        try:
            link.sendall(data)
            while not parser.done:
                parser.feed(link.recv(READ))
        except BaseException:
            link.close()
            raise
        self._give_back(link, parser.keeps_alive)
        return parser.response()

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


class StreamTransport:
    """The same for one event loop."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._idle: list[Any] = []

    async def send(self, message: Message) -> Response:
        data = encoded(message, self._place.name)
        if self._idle:
            try:
                return await self._exchange(self._idle.pop(), data)
            except TimeoutError as error:
                raise Unanswered("no answer in time") from error
            except (ConnectionError, Unanswered):
                pass
        try:
            return await self._exchange(await self._open(), data)
        except TimeoutError as error:
            raise Unanswered("no answer in time") from error
        except OSError as error:
            raise Unanswered(str(error)) from error

    async def _open(self) -> Any:
        import asyncio

        async with asyncio.timeout(self._place.connect):
            return await asyncio.open_connection(self._place.host, self._place.port)

    async def _exchange(self, link: Any, data: bytes) -> Response:
        import asyncio

        reader, writer = link
        parser = ResponseParser()
        try:
            async with asyncio.timeout(self._place.read):
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
        return parser.response()

    async def close(self) -> None:
        import contextlib

        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
