"""HTTP/1.1 for short JSON exchanges over kept-alive sockets, parsed by httptools.

The parser knows nothing of sockets, so the sync and the async transport of sockets.py share it.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpResponseParser

from orion.sdk.exchange import Message, Response, Unanswered


class ResponseParser:
    """Takes the bytes of one response as they come; `done` when it is whole."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._framed = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.done = False
        self.keeps_alive = False

    def feed(self, data: bytes) -> None:
        """Take more bytes; none means that the other side has closed."""
        if not data:
            return self._closed()
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise Unanswered(f"not a HTTP/1.1 response: {data[:80]!r}") from error

    @property
    def body(self) -> bytes:
        """The body, as far as it has come."""
        return b"".join(self._pieces)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._framed |= name in (b"content-length", b"transfer-encoding")
        if name != b"transfer-encoding":
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self.headers.clear()
        else:
            self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.done = self.status > 0
        self.keeps_alive = self._parser.should_keep_alive()

    def _closed(self) -> None:
        """Without a length, the end of the connection is the end of the body."""
        if not self.status or self._framed:
            raise Unanswered("the connection was closed before the response was whole")
        self.done = True

    def response(self) -> Response:
        """The response, once it is whole."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        return Response(self.status, headers, self.body)


def encoded(message: Message, host: str) -> bytes:
    """The bytes of a request."""
    lines = [f"{message.method} {message.target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in message.headers]
    if message.body or message.method not in ("GET", "DELETE"):
        lines.append(f"content-length: {len(message.body)}")
    return "\r\n".join([*lines, "\r\n"]).encode() + message.body
