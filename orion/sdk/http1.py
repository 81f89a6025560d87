"""HTTP/1.1 for short JSON exchanges over kept-alive sockets: a fraction of a full client's work, behind httpx's seam.

The parser knows nothing of sockets, so the sync and the async transport of sockets.py share it.
"""

from __future__ import annotations

from orion.sdk.http import httpx

HEAD_LIMIT = 65_536


class ResponseParser:
    """Takes the bytes of one response as they come; `done` when it is whole."""

    def __init__(self, method: str) -> None:
        self._data = bytearray()
        self._no_body = method == "HEAD"
        self._body_at = -1
        self._length: int | None = None
        self._chunked = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.done = False
        self.keeps_alive = True

    def feed(self, data: bytes) -> None:
        """Take more bytes; none means that the other side has closed."""
        if not data:
            return self._closed()
        self._data += data
        if self._body_at < 0:
            self._read_head()
        if self._body_at >= 0 and not self.done:
            self._read_body()

    def _read_head(self) -> None:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEAD_LIMIT:
                raise httpx.RemoteProtocolError("the head of the response is too long")
            return
        first, *lines = bytes(self._data[:end]).split(b"\r\n")
        if not first.startswith(b"HTTP/1.") or not first[9:12].isdigit():
            raise httpx.RemoteProtocolError(f"not a HTTP/1.1 response: {first[:80]!r}")
        self.status = int(first[9:12])
        if 100 <= self.status < 200:
            del self._data[: end + 4]
            return self._read_head()
        self._body_at = end + 4
        self.keeps_alive = first.startswith(b"HTTP/1.1")
        for line in lines:
            self._header(line)
        if self._no_body or self.status in (204, 304):
            self._length, self._chunked = 0, False

    def _header(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        self.headers.append((name, value))
        if name == b"content-length":
            self._length = int(value) if value.isdigit() else _bad(value)
        elif name == b"transfer-encoding":
            self._chunked = value.lower() == b"chunked"
        elif name == b"connection" and value.lower() == b"close":
            self.keeps_alive = False

    def _read_body(self) -> None:
        if self._chunked:
            self._read_chunks()
        elif self._length is not None and len(self._data) >= self._body_at + self._length:
            self._finish(bytes(self._data[self._body_at : self._body_at + self._length]))

    def _read_chunks(self) -> None:
        at, parts = self._body_at, list[bytes]()
        while (line_end := self._data.find(b"\r\n", at)) >= 0:
            size = int(bytes(self._data[at:line_end]).split(b";")[0], 16)
            start = line_end + 2
            if size == 0:
                if self._data.find(b"\r\n", start) >= 0:
                    self._finish(b"".join(parts))
                return
            if len(self._data) < start + size + 2:
                return
            parts.append(bytes(self._data[start : start + size]))
            at = start + size + 2

    def _closed(self) -> None:
        if self._body_at < 0 or self._chunked or self._length is not None:
            raise httpx.RemoteProtocolError("the connection was closed before the response was whole")
        self.keeps_alive = False
        self._finish(bytes(self._data[self._body_at :]))

    def _finish(self, body: bytes) -> None:
        self.body, self.done = body, True

    def response(self, request: httpx.Request) -> httpx.Response:
        headers = [pair for pair in self.headers if pair[0] != b"transfer-encoding"]
        return httpx.Response(self.status, headers=headers, content=self.body, request=request)


def _bad(value: bytes) -> int:
    raise httpx.RemoteProtocolError(f"not a content length: {value!r}")


def message(request: httpx.Request, body: bytes) -> bytes:
    """The bytes of a request."""
    head = b"".join(b"%b: %b\r\n" % pair for pair in request.headers.raw)
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (request.method.encode(), request.url.raw_path, head, body)
