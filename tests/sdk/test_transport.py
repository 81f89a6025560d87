"""Requests on their way: HTTP/1.1, repetition, patience, errors, and the number of requests a run makes."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orion import flow, task
from orion.errors import SettingError
from orion.sdk import client as clients
from orion.sdk import outbox
from orion.sdk.client import AsyncClient, SyncClient
from orion.sdk.connection import Connection, check_url, connect
from orion.sdk.errors import ApiError, ObjectNotFound, Unreachable
from orion.sdk.exchange import Patience, Response, Unanswered, attempts
from orion.sdk.http1 import ResponseParser
from orion.settings import load, temporary_settings
from tests.sdk.conftest import Served

ROOT = Path(__file__).parents[2]


def parsed(*pieces: bytes) -> ResponseParser:
    parser = ResponseParser()
    for piece in pieces:
        parser.feed(piece)
    return parser


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}", 201, b"{}"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            200,
            b"abcde",
        ),
    ],
)
def test_responses_are_read_however_they_are_cut(raw: bytes, status: int, body: bytes, size: int) -> None:
    parser = parsed(*(raw[i : i + size] for i in range(0, len(raw), size)))
    assert (parser.done, parser.status, parser.body, parser.keeps_alive) == (True, status, body, True)


def test_a_response_that_ends_with_the_connection_is_whole_and_a_cut_one_is_an_error() -> None:
    parser = parsed(b"HTTP/1.1 200 OK\r\n\r\npart", b"")
    assert (parser.body, parser.keeps_alive) == (b"part", False)
    for pieces in (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b""],
        [b"HTT", b""],
        [b"SSH-2.0\r\n\r\n"],
    ):
        with pytest.raises(Unanswered):
            parsed(*pieces)


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these raw answers, one a request, each on its own connection; None closes without one."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def work() -> None:
        for answer in answers:
            link, _ = listener.accept()
            with link:
                seen.append(link.recv(65_536))
                if answer is not None:
                    link.sendall(answer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api", seen
        thread.join(10)


def answer(status: int, body: bytes = b"true", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        status,
        more,
        len(body),
        body,
    )


def ask_sync(url: str, patience: Patience) -> Any:
    with SyncClient(Connection(url, key="secret"), patience) as client:
        return client.health()


def ask_async(url: str, patience: Patience) -> Any:
    async def ask() -> Any:
        async with AsyncClient(Connection(url, key="secret"), patience) as client:
            return await client.health()

    return asyncio.run(ask())


BOTH = pytest.mark.parametrize("ask", [ask_sync, ask_async])
Ask = Callable[[str, Patience], Any]


@pytest.mark.row("API-34")
@BOTH
def test_busy_servers_and_cut_connections_are_asked_again(ask: Ask) -> None:
    turns = (
        answer(503, b"{}"),
        None,
        answer(429, b"{}", b"retry-after: 0\r\n"),
        answer(502, b""),
        answer(200),
    )
    with answering(*turns) as (url, seen):
        assert ask(url, Patience(30)) is True
    assert len(seen) == 5
    assert all(b"authorization: bearer secret" in request.lower() for request in seen)


@pytest.mark.row("API-34")
@BOTH
def test_patience_ends_after_its_tries(ask: Ask) -> None:
    assert load({}).client_max_retries == 5
    with answering(*[answer(503, b'{"detail": "busy"}', b"retry-after: 0\r\n")] * 3) as (url, _):
        with pytest.raises(ApiError, match="answered 503: busy") as caught:
            ask(url, Patience(30, 2))
    assert caught.value.status == 503


@BOTH
@pytest.mark.parametrize(("patience", "is_told"), [(300.4, True), (30.0, False)])
def test_who_may_wait_long_for_a_server_is_told_once(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, patience: float, is_told: bool
) -> None:
    monkeypatch.setattr("orion.sdk.exchange.TOLD_SECONDS", 0.0)
    busy = [answer(503, b'{"detail": "storage is full"}', b"retry-after: 0\r\n")] * 3
    with answering(*busy, answer(200)) as (url, _):
        assert ask(url, Patience(patience)) is True
    told = f"The API at {url} answers 503 (storage is full), and is asked again for up to 300 s."
    assert [record.getMessage() for record in caplog.records] == [told] * is_told


@pytest.mark.parametrize(("after", "is_told"), [("30", True), ("1", False)])
def test_a_wait_that_will_be_long_is_told_before_it_begins(
    caplog: pytest.LogCaptureFixture, after: str, is_told: bool
) -> None:
    tries = attempts(Patience(300), "http://x/api")
    next(tries)
    assert tries.send(Response(503, {"retry-after": after}, b"<p>Busy</p>")) >= float(after)
    assert ("The API at http://x/api answers 503 (<p>Busy</p>), and is asked again" in caplog.text) is is_told


@BOTH
def test_a_server_whose_disk_is_full_is_told_with_what_to_do(ask: Ask) -> None:
    with answering(answer(503, b'{"detail": "storage is full"}')) as (url, _):
        with pytest.raises(ApiError, match="503: storage is full. Nothing was kept: make room on the disk"):
            ask(url, Patience(30, 0))


@BOTH
@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "set ORION_API_KEY to a key that it knows, in the environment or"),
        (405, "405: no. Does ORION_API_URL end with /api"),
        (413, "413: no. Keep large data in a file or a storage, and give its path."),
    ],
)
def test_a_refusal_that_a_setting_causes_names_the_setting(ask: Ask, status: int, remedy: str) -> None:
    with answering(answer(status, b'{"detail": "no."}')) as (url, _):
        with pytest.raises(ApiError, match=remedy):
            ask(url, Patience(30, 2))


@BOTH
def test_a_web_page_in_the_place_of_an_answer_is_no_missing_object(ask: Ask) -> None:
    with answering(answer(404, b"<!doctype html>")) as (url, _):
        with pytest.raises(ApiError, match="with a web page.*ORION_API_URL end with /api") as caught:
            ask(url, Patience(30, 2))
    assert not isinstance(caught.value, ObjectNotFound)


@BOTH
def test_an_api_that_is_not_there_is_told_with_its_url_and_a_remedy(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    with pytest.raises(Unreachable, match=f"{url}.*orion start.*ORION_API_URL"):
        ask(url, Patience(0))


@pytest.mark.row("API-33")
def test_an_answer_that_does_not_come_is_given_up_after_the_request_timeout() -> None:
    assert load({}).api_request_timeout == 30
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/api"
        with temporary_settings({"ORION_API_REQUEST_TIMEOUT": 0.2, "ORION_API_URL": url}):
            client, began = SyncClient(connect(), Patience(0)), time.monotonic()
            with pytest.raises(Unreachable, match=url):
                client.health()
            assert time.monotonic() - began < 15  # half of what it would take without the setting


@BOTH
def test_errors_are_raised_at_once_with_what_the_api_says(ask: Ask) -> None:
    with answering(answer(404, b'{"detail": "Flow not found"}')) as (url, _):
        with pytest.raises(ObjectNotFound, match="Flow not found"):
            ask(url, Patience(30))
    faults = b'{"exception_detail": [{"loc": ["body", "name"], "msg": "too long"}]}'
    with answering(answer(422, faults)) as (url, _):
        with pytest.raises(ApiError, match="body.name: too long"):
            ask(url, Patience(30))


@BOTH
def test_a_redirect_is_followed(ask: Ask) -> None:
    with answering(answer(200)) as (there, seen):
        more = f"location: {there}/moved\r\n".encode()
        with answering(answer(307, b"", more), answer(307, b"", more)) as (here, _):
            assert ask(here, Patience(0)) is True
        assert seen[0].startswith(b"GET /api/moved ")


@BOTH
def test_a_proxy_is_asked_and_a_login_in_the_address_is_sent(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answer(200)) as (proxy, seen):
        monkeypatch.setenv("HTTP_PROXY", proxy.removesuffix("/api"))
        monkeypatch.setenv("NO_PROXY", "")
        assert ask("http://orion.example.com/api", Patience(0)) is True
        assert seen[0].startswith(b"GET http://orion.example.com/api/health ")
        monkeypatch.delenv("HTTP_PROXY")
    with answering(answer(200)) as (url, seen):
        with SyncClient(Connection(url.replace("://", "://ann:pass@")), Patience(0)) as client:
            assert client.health() is True
        assert b"authorization: basic" in seen[0].lower()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:4200/api", "SocketTransport"),
        ("http://[::1]:4200/api", "SocketTransport"),
        ("http://bücher.example/api", "HttpxTransport"),
        ("https://orion.example.com/api", "HttpxTransport"),
    ],
)
def test_sockets_are_for_plain_http_only(url: str, kind: str) -> None:
    check_url(url)
    transport = Connection(url).transport()
    assert type(transport).__name__ == kind
    transport.close()


@pytest.mark.parametrize("url", ["htp:/nowhere", "http://", "http://a b/api", "http://host:port/api", "here"])
def test_an_address_that_cannot_be_reached_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingError, match="ORION_API_URL is"):
        check_url(url)


def test_what_stands_in_a_path_cannot_add_a_header() -> None:
    with answering(answer(404, b'{"detail": "no such run"}')) as (url, seen):
        with SyncClient(Connection(url), Patience(0)) as client, pytest.raises(ObjectNotFound):
            client.read_flow_run("x HTTP/1.1\r\nx-evil: ü")
        assert seen[0].startswith(b"GET /api/flow_runs/x%20HTTP/1.1%0D%0Ax-evil:%20%C3%BC HTTP/1.1\r\n")


def test_a_flow_against_a_server_does_without_httpx(sqlite_server: Served) -> None:
    """It is half of what the process would import."""
    script = (
        "from orion import flow\n@flow\ndef f(): return 1\nf()\nimport sys\nassert 'httpx' not in sys.modules"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORION_API_URL": sqlite_server.url}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.row("API-34")
def test_pauses_grow_and_an_asked_for_pause_is_kept() -> None:
    tries = attempts(Patience(10_000), "x")
    next(tries)
    pauses = [tries.send(Unanswered("no")) for _ in range(8)]
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses[:6]))
    assert max(pauses) <= 10
    first = attempts(Patience(10_000), "x")
    next(first)
    asked = first.send(Response(429, {"retry-after": "7"}, b""))  # by itself it would be a tenth of a second
    assert 7 <= asked <= 9.2


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The method and path of every request of sync clients, and whether it had to be sent again."""
    made: list[str] = []
    once = clients.SyncClient._once

    def noted(self: SyncClient, request: Any) -> Any:
        outcome = once(self, request)
        status = outcome.status if isinstance(outcome, Response) else repr(outcome)
        made.append(f"{request.method} {request.path} {status}")
        return outcome

    monkeypatch.setattr(clients.SyncClient, "_once", noted)
    return made


def test_a_sequential_task_makes_one_request_and_maps_a_few(
    sqlite_server: Served, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LINGER", 60)  # the end of the flow hurries it, nothing else does

    @task
    def nothing(n: int) -> None: ...

    @flow
    def one_by_one(n: int) -> None:
        for number in range(n):
            nothing(number)

    @flow
    def mapped(n: int) -> None:
        nothing.map(range(n))

    with temporary_settings({"ORION_LOGGING_TO_API_BATCH_INTERVAL": 600}):
        one_by_one(1)
    requests.clear()
    one_by_one(40)
    kinds = Counter(path.split("/")[1] for path in requests)
    assert kinds == {"flow_runs": 3, "task_runs": 40 + 1, "logs": 1}, "\n".join(requests)
    requests.clear()
    mapped(300)
    assert len(requests) < 100
