"""A client that costs next to nothing: HTTP/1.1 over plain sockets, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request_bytes(method: str, path: str, body: Any = None) -> bytes:
    """A whole request as it goes over the wire."""
    data = b"" if body is None else json.dumps(body).encode()
    kind = "Content-Type: application/json\r\n" if data else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}Content-Length: {len(data)}\r\n\r\n".encode()
        + data
    )


class Line:
    """One kept-alive connection, one request at a time; opened again when the server has closed it meanwhile."""

    def __init__(self, api: str) -> None:
        url = urlsplit(api)
        self.prefix, self.address = url.path, (url.hostname or "", url.port or 80)
        self._open()

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        data = request_bytes(method, self.prefix + path, body)
        try:
            return self._exchange(data)
        except ConnectionError:
            self._open()
            return self._exchange(data)

    def made(self, path: str, body: Any) -> Any:
        """What a POST makes, as JSON; a peer whose SQLite is locked is asked again."""
        answer = self.send("POST", path, body)
        for pause in (0.5, 1, 2, 4, 8):
            if answer.status != 503:
                break
            time.sleep(pause)
            answer = self.send("POST", path, body)
        if answer.status not in (200, 201):
            raise RuntimeError(f"{answer.status}: {answer.body.decode(errors='replace')[:400]}")
        return answer.json()

    def _open(self) -> None:
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def _exchange(self, data: bytes) -> Answer:
        self.socket.sendall(data)
        head = self._until(b"\r\n\r\n")
        return Answer(_status(head), self._exactly(_length(head)))

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.rest:
            self.rest += self._more()
        head, _, self.rest = self.rest.partition(mark)
        return head

    def _exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.rest += self._more()
        body, self.rest = self.rest[:size], self.rest[size:]
        return body

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


class Load(NamedTuple):
    """What many writers at once got: requests a second, the slowest percent in seconds, and how many were refused."""

    per_second: float
    p99: float
    refused: int


def many(
    api: str, conversations: Iterable[list[tuple[str, str, Any]]], accept: Callable[[int], bool]
) -> Load:
    """Each conversation on a connection of its own, all at once."""
    return asyncio.run(_many(api, list(conversations), accept))


async def _many(
    api: str, conversations: list[list[tuple[str, str, Any]]], accept: Callable[[int], bool]
) -> Load:
    times: list[float] = []
    refused = 0
    url = urlsplit(api)

    async def talk(lines: list[tuple[str, str, Any]]) -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        for method, path, body in lines:
            start = time.perf_counter()
            writer.write(request_bytes(method, url.path + path, body))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            times.append(time.perf_counter() - start)
            refused += not accept(_status(head))
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(talk(lines) for lines in conversations))
    wall = time.perf_counter() - start
    times.sort()
    return Load(len(times) / wall, times[int(len(times) * 0.99) - 1], refused)
