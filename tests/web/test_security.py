"""The guard: hosts, cross-site requests, keys, and when a server may be built without one."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from orion.errors import BadRequest, Forbidden, LoginNeeded, OrionError, Unauthorized
from orion.settings import load
from orion.web.security import Guard, MisdirectedRequest, check_api_version, is_loopback, make_guard

LOCAL = {"host": "127.0.0.1:4200"}


def scope(method: str = "GET", path: str = "/api/flows/", server: str = "127.0.0.1") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "server": (server, 4200), "scheme": "http"}


def guard(**environ: str) -> Guard:
    return make_guard(load({"ORION_HOME": "/nonexistent", **environ}))


@pytest.mark.parametrize(
    "environ",
    [
        {"ORION_HOST": "0.0.0.0"},
        {"PORT": "8080"},
        {"ORION_PUBLIC_URL": "https://orion.example.com"},
        {"ORION_ALLOWED_HOSTS": "orion.example.com"},
    ],
)
def test_a_server_reachable_from_outside_needs_a_key(environ: dict[str, str]) -> None:
    with pytest.raises(LoginNeeded) as caught:
        guard(**environ)
    assert caught.value.exit_code == 2
    assert "ORION_ADMIN_KEY" in caught.value.message
    assert not guard(**environ, ORION_ADMIN_KEY="k").is_open


@pytest.mark.parametrize(
    "environ", [{}, {"ORION_HOST": "localhost"}, {"ORION_HOST": "::1"}, {"ORION_PORT": "4201"}]
)
def test_a_server_on_loopback_is_open(environ: dict[str, str]) -> None:
    assert guard(**environ).is_open


@pytest.mark.row("API-31")
def test_an_open_server_answers_on_loopback_only() -> None:
    guard().admit(scope(), LOCAL)
    with pytest.raises(Forbidden, match="loopback only"):
        guard().admit(scope(server="192.168.1.7"), LOCAL)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4200", "localhost:9", "[::1]:4200", "LOCALHOST"])
def test_loopback_hosts_are_let_in(host: str) -> None:
    guard().admit(scope(), {"host": host})


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:4200"]
)
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(MisdirectedRequest):
        guard().admit(scope(), {"host": host})


def test_named_hosts_are_let_in_beside_loopback() -> None:
    public = guard(
        ORION_PUBLIC_URL="https://orion.example.com/x",
        ORION_ALLOWED_HOSTS="other.example",
        ORION_ADMIN_KEY="k",
    )
    for host in ("orion.example.com", "other.example:443", "127.0.0.1:80"):
        public.admit(scope(path="/api/health"), {"host": host})
    with pytest.raises(MisdirectedRequest):
        public.admit(scope(path="/api/health"), {"host": "third.example"})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
)
def test_unsafe_methods_from_another_site_are_refused(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="another site"):
        guard().admit(scope(method), LOCAL | headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://127.0.0.1:4200"}],
)
def test_unsafe_methods_of_the_same_site_and_of_programs_pass(headers: dict[str, str]) -> None:
    guard().admit(scope("POST"), LOCAL | headers)


def test_reading_across_sites_is_the_browsers_business() -> None:
    guard().admit(scope("GET"), LOCAL | {"sec-fetch-site": "cross-site"})


def test_a_socket_with_a_foreign_origin_is_refused() -> None:
    socket = {"type": "websocket", "path": "/api/events/in", "server": ("127.0.0.1", 4200)}
    guard().admit(socket, LOCAL)
    with pytest.raises(Forbidden):
        guard().admit(socket, LOCAL | {"origin": "https://evil.example"})


@pytest.mark.parametrize(
    "authorization",
    ["Bearer secret", "bearer secret", "Basic " + base64.b64encode(b"anyone:secret").decode()],
)
def test_the_key_opens(authorization: str) -> None:
    guard(ORION_ADMIN_KEY="secret").admit(scope(), LOCAL | {"authorization": authorization})


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer wrong",
        "Bearer ",
        "Basic %%%",
        "Basic " + base64.b64encode(b"secret").decode(),
        "Digest secret",
    ],
)
def test_nothing_else_opens(authorization: str) -> None:
    with pytest.raises(Unauthorized):
        guard(ORION_ADMIN_KEY="secret").admit(scope(), LOCAL | {"authorization": authorization})


@pytest.mark.parametrize("path", ["/api/health", "/static/orion.css"])
@pytest.mark.parametrize("root", ["", "/some/path"])
def test_health_and_the_files_of_a_page_need_no_key(path: str, root: str) -> None:
    guard(ORION_ADMIN_KEY="secret").admit(scope(path=root + path) | {"root_path": root}, LOCAL)


@pytest.mark.parametrize("path", ["/", "/api/health/x", "/statics", "/api/static/x"])
def test_all_else_needs_it(path: str) -> None:
    with pytest.raises(Unauthorized):
        guard(ORION_ADMIN_KEY="secret").admit(scope(path=path), LOCAL)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.0.0.53", "::1", "localhost", "[::1]", None, "/run/orion.sock"]
)
def test_loopback_is_known(address: str | None) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.1", "::", "example.com", ""])
def test_others_are_not_loopback(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.row("API-29")
@pytest.mark.parametrize("version", [None, "0.8.0", "0.8.4", "0.9.0", "1.0.0"])
def test_wire_versions_from_the_least_on_are_accepted(version: str | None) -> None:
    check_api_version(version)


@pytest.mark.row("API-29")
@pytest.mark.parametrize("version", ["", "0.8", "a.b.c", "0.7.9", "0.8.4.1", "-1.8.0", "٠.٨.٤"])
def test_other_wire_versions_are_refused(version: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_api_version(version)
    assert isinstance(caught.value, OrionError)
    assert caught.value.status == 400
