"""Receivers of messages that behave as they are told: real servers on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {}, b"ok")


class Received(NamedTuple):
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Target:
    """An HTTP server; `answers` are used up one by one, the last one stays. A callable is called first."""

    def __init__(self, *answers: Answer | Callable[[Received], Answer]) -> None:
        self.answers = list(answers or (OK,))
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def keys(self) -> list[str]:
        return [each.headers["idempotency-key"] for each in self.received]

    def wait(self, n: int = 1, seconds: float = 20) -> None:
        """Until so many requests have come in."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= n, seconds), (
                f"{len(self.received)} came"
            )

    def hang(self, _: Received) -> Answer:
        """An answer that never comes while the target is there."""
        self.closing.wait(60)
        return OK

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def _take(self, request: Received) -> Answer:
        with self.arrived:
            self.received.append(request)
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
            self.arrived.notify_all()
        return answer(request) if callable(answer) else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more, content = take(Received(self.command, self.path, headers, body))
                try:
                    self.send_response(status)
                    for name, value in more.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@contextmanager
def target(*answers: Answer | Callable[[Received], Answer]) -> Iterator[Target]:
    """A target for the length of a block."""
    opened = Target(*answers)
    try:
        yield opened
    finally:
        opened.close()
