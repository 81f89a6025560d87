"""The small routes, administration, and what every answer has in common."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from orion.errors import Busy, StorageFull
from orion.settings import Settings, temporary_settings
from orion.web.factory import build_app
from orion.web.routes import routes
from orion.web.security import CONTENT_POLICY, OPEN_PATHS
from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client
from tests.web.makers import UNKNOWN, flow


@pytest.mark.row("API-04")
def test_health_hello_ready_and_version(client: Client) -> None:
    assert client.get("/api/health").json() is True
    assert client.get("/api/hello").json() == "👋"
    assert client.get("/api/ready").status_code == 200
    assert client.get("/api/version").json() == "0.8.4"
    assert client.get("/api/admin/storage").json() == {"default_result_storage_block_id": None}


@pytest.mark.row("API-27")
@pytest.mark.parametrize(
    ("agent", "answer"),
    [
        ("prefect/3.8.8 (API 0.8.4)", "3.8.8"),
        ("prefect/3.9.0.dev1 (API 0.8.4)", "3.9.0.dev1"),
        ("prefect/2.20.20 (API 0.8.4)", "2.20.20"),
        ("python-httpx/0.28.1", "3.8.8"),
    ],
)
@ASKS_NO_DATABASE
def test_the_version_suits_the_client_that_asks(client: Client, agent: str, answer: str) -> None:
    assert client.get("/api/admin/version", headers={"User-Agent": agent}).json() == answer


@ASKS_NO_DATABASE
def test_its_own_clients_hear_the_true_version(client: Client) -> None:
    asked = client.get("/api/admin/version", headers={"User-Agent": "orion/0.1.0"})
    assert asked.json() == client.app.state.version


@ASKS_NO_DATABASE
def test_csrf_tokens_are_told_to_be_off(client: Client) -> None:
    answer = client.get("/api/csrf-token", params={"client": UNKNOWN})
    assert (answer.status_code, answer.json()) == (422, {"detail": "CSRF protection is disabled."})
    assert client.get("/api/csrf-token").status_code == 422


@pytest.mark.row("API-27")
@ASKS_NO_DATABASE
def test_settings_are_shown_with_secrets_masked(store: Any, settings: Settings) -> None:
    secret = settings.with_updates(
        {"ORION_API_KEY": "canary", "ORION_DATABASE_URL": "postgresql://u:canary@h/d"}
    )
    client = Client(build_app(secret, store, services=False))
    answer = client.get("/api/admin/settings")
    client.close()
    assert answer.status_code == 200
    assert "canary" not in answer.text
    assert answer.json()["ORION_API_DEFAULT_LIMIT"] == 200


@pytest.mark.row("API-27")
@pytest.mark.parametrize("action", ["clear", "drop", "create"])
def test_the_database_is_touched_only_when_confirmed(client: Client, action: str) -> None:
    made = flow(client)
    for body in ({}, {"confirm": False}):
        assert client.post(f"/api/admin/database/{action}", json=body).status_code == 400
    assert client.get(f"/api/flows/{made['id']}").status_code == 200
    assert client.post(f"/api/admin/database/{action}", json={"confirm": True}).status_code == 204
    assert client.get(f"/api/flows/{made['id']}").status_code == (200 if action == "create" else 404)
    assert client.post("/api/flows/", json={"name": "after"}).status_code == 201


def test_duties_are_run_on_demand_and_shown(client: Client) -> None:
    answer = client.post("/api/admin/clock/run", params={"duty": "lateness"})
    assert (answer.status_code, answer.json()) == (200, {"lateness": 0})
    assert client.post("/api/admin/clock/run", params={"duty": "sleeping"}).status_code == 404
    with temporary_settings({"ORION_SCHEDULER_ENABLED": False}):
        touched = client.post("/api/admin/clock/run").json()
    assert "scheduling" not in touched and touched["retention"] == 0
    duties = {duty["name"]: duty for duty in client.get("/api/admin/health").json()["duties"]}
    assert duties["lateness"]["last_finished"] is not None


@ASKS_NO_DATABASE
def test_clients_that_know_automations_are_told_that_there_are_none(client: Client) -> None:
    """`prefect deployment inspect` asks for those of the deployment, and each deploy takes its own away."""
    resource = f"prefect.deployment.{UNKNOWN}"
    shown = client.get(f"/api/automations/related-to/{resource}")
    assert (shown.status_code, shown.json()) == (200, [])
    assert client.delete(f"/api/automations/owned-by/{resource}").status_code == 202


@pytest.mark.row("API-28")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api", 404),
        ("POST", f"/api/flows/{UNKNOWN}", 405),
        ("PUT", "/api/flows/", 405),
        ("OPTIONS", "/api/flows/", 405),
        ("GET", "/api/work_pools/x", 404),
        ("POST", "/api/automations/filter", 404),
        ("GET", "/api/flows/%00", 404),
        ("GET", "/api/flows/name/%00", 404),
        ("GET", "/api/flows/..%2F..%2Fetc%2Fpasswd", 404),
        ("GET", "/api/admin/version?x=%00", 400),
    ],
)
@ASKS_NO_DATABASE
def test_what_is_not_there_is_refused_in_the_one_shape(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]


@ASKS_NO_DATABASE
def test_a_method_that_is_not_there_names_those_that_are(client: Client) -> None:
    assert client.put(f"/api/flows/{UNKNOWN}").headers["Allow"] == "DELETE, GET, HEAD, PATCH"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/flows", "/api/flows/"),
        ("/api/flows/filter/?a=1", "/api/flows/filter?a=1"),
        ("/api/health/", "/api/health"),
        ("/api/flows/name/a%2Fb%0D%0AX:%20y/", "/api/flows/name/a%2Fb%0D%0AX:%20y"),
        ("/api/flows/name/%E2%80%AE%ff/?a=%0A%E2", "/api/flows/name/%E2%80%AE%ff?a=%0A%E2"),
    ],
)
@ASKS_NO_DATABASE
def test_the_other_slash_leads_to_the_right_address(client: Client, path: str, location: str) -> None:
    answer = client.post(path, json={"name": "a"})
    assert (answer.status_code, answer.headers["Location"]) == (307, location)


@ASKS_NO_DATABASE
def test_head_is_get_without_a_body(client: Client) -> None:
    answer, full = client.request("HEAD", "/api/hello"), client.get("/api/hello")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == full.headers["Content-Length"]


def test_every_answer_carries_the_headers_of_safety(client: Client) -> None:
    for path in ("/api/health", "/api/nothing", "/docs", "/nothing"):
        headers = client.get(path, headers={"Accept": "text/html"}).headers
        assert headers["Content-Security-Policy"] == CONTENT_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Accept" in headers["Vary"]


def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    for media in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = client.post("/api/flows/", content=b"name=a", headers={"Content-Type": media})
        assert answer.status_code == 415
    assert client.post("/api/flows/filter", content=b"").status_code == 200


@pytest.mark.row("API-29")
@ASKS_NO_DATABASE
def test_an_older_wire_version_is_refused(client: Client) -> None:
    answer = client.get("/api/hello", headers={"X-PREFECT-API-VERSION": "0.7.0"})
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])
    assert client.get("/api/hello", headers={"X-PREFECT-API-VERSION": "0.8.4"}).status_code == 200


@ASKS_NO_DATABASE
def test_a_page_of_another_site_may_not_write(client: Client) -> None:
    answer = client.post("/api/flows/", json={"name": "a"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, list(answer.json())) == (403, ["detail"])
    assert client.get("/api/hello", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.row("API-30")
def test_other_origins_are_let_in_only_by_a_setting(store: Any, settings: Settings, client: Client) -> None:
    origin = {"Origin": "https://ui.example"}
    assert "Access-Control-Allow-Origin" not in client.get("/api/hello", headers=origin).headers
    named = Client(
        build_app(
            settings.with_updates({"ORION_ALLOWED_ORIGINS": "https://ui.example"}), store, services=False
        )
    )
    assert (
        named.get("/api/hello", headers=origin).headers["Access-Control-Allow-Origin"] == "https://ui.example"
    )
    by_a_browser = origin | {"Sec-Fetch-Site": "cross-site"}
    assert named.post("/api/flows/filter", json={}, headers=by_a_browser).status_code == 200
    asks = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, x-odd"}
    allowed = named.request("OPTIONS", "/api/flows/x", headers=by_a_browser | asks)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, "https://ui.example")
    assert "PATCH" in allowed.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "x-odd"} <= set(allowed.headers["Access-Control-Allow-Headers"].lower().split(", "))
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    other, write = named.get("/api/hello", headers=evil), named.post("/api/flows/", json={"name": "a"}, headers=evil)
    preflight = named.request("OPTIONS", "/api/flows/x", headers=evil | asks)
    named.close()
    assert (other.status_code, write.status_code, preflight.status_code) == (200, 403, 400)
    for answer in (other, write, preflight, client.request("OPTIONS", "/api/flows/x", headers=origin | asks)):
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.row("API-31")
def test_without_the_key_no_route_answers_but_the_open_ones(sqlite_store: Any, settings: Settings) -> None:
    client = Client(
        build_app(settings.with_updates({"ORION_ADMIN_KEY": "secret"}), sqlite_store, services=False)
    )
    paths = [(route.method, f"/api{route.api}") for route in routes(True) if route.api is not None]
    paths += [(route.page_method, str(route.page)) for route in routes(True) if route.page is not None]
    answered = {path for method, path in paths if client.request(method, path).status_code != 401}
    client.close()
    assert answered == {*OPEN_PATHS, "/static/{name}"}, "the page that asks for the key is drawn with those files"


@pytest.mark.row("API-31")
def test_with_a_key_every_route_but_health_asks_for_it(store: Any, settings: Settings) -> None:
    client = Client(build_app(settings.with_updates({"ORION_ADMIN_KEY": "secret"}), store, services=False))
    basic = base64.b64encode(b"admin:secret").decode()
    answers = [client.get("/api/admin/settings", headers=headers) for headers in (
        {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer secret"}, {"Authorization": f"Basic {basic}"},
    )]  # fmt: skip
    health = client.get("/api/health")
    client.close()
    assert [answer.status_code for answer in answers] == [401, 401, 200, 200]
    assert "WWW-Authenticate" in answers[0].headers
    assert health.json() is True


@pytest.mark.parametrize(("error", "wait"), [(Busy(), "1"), (StorageFull(), "30")])
@ASKS_NO_DATABASE
def test_a_busy_database_is_told_with_the_time_to_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Busy, wait: str
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(client.app.state.store, "write", refuse)
    for answer in (client.post("/api/flows/", json={"name": "a"}), client.get("/api/health")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, wait)
        assert answer.json() == {"exception_message": "Service Unavailable", "detail": error.message}


@pytest.mark.row("API-28")
@ASKS_NO_DATABASE
def test_a_fault_of_ours_tells_nothing_of_the_inside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(*_: Any, **__: Any) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(client.app.state.store, "read", stumble)
    answer = client.post("/api/flows/filter", json={})
    assert (answer.status_code, answer.json()) == (500, {"exception_message": "Internal Server Error"})
    page = client.get(f"/flows/{UNKNOWN}", headers={"Accept": "text/html"})
    assert page.status_code == 500
    assert "inside" not in page.text


def test_the_store_of_an_app_that_opens_it_is_closed_with_it(settings: Settings, sqlite_url: str) -> None:
    client = Client(build_app(settings.with_updates({"ORION_DATABASE_URL": sqlite_url}), services=True))
    assert client.get("/api/health").json() is True
    client.close()
    again = Client(build_app(settings.with_updates({"ORION_DATABASE_URL": sqlite_url}), services=False))
    assert again.get("/api/health").json() is True
    again.close()
