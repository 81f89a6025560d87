"""Every line of the route table: refuses what is wrong in one shape, never with 5xx, and answers HEAD and slashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import NODEFAULT, UNSET, Struct, structs

from orion.settings import load
from orion.store import open_store
from orion.web.factory import build_app
from orion.web.route import Route
from orion.web.routes import API, routes
from tests.conftest import BOTH, fresh_database
from tests.web.browser import Client
from tests.web.makers import UNKNOWN

SHAPES = (
    {"detail"},
    {"exception_message", "exception_detail", "request_body"},
    {"exception_message", "detail"},
)
WITH_BODY = [route for route in API if route.body is not None]
BAD_BODIES = (
    b"{",
    b"nonsense",
    b"\xff\xfe",
    b'"\\ud800"',
    b"[" * 20_000,
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"NaN",
    b'{"limit": 1e400}',
    b'{"name": "\\u0000"}',
    b"5",
    b'"text"',
)


@pytest.fixture(scope="module", params=BOTH)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One app for all of this file: what is refused leaves nothing behind that others would stumble over."""
    folder: Path = tmp_path_factory.mktemp("every-route")
    for url in fresh_database(request.param, folder):
        store = open_store(url)
        client = Client(build_app(load({"ORION_HOME": str(folder)}), store, services=False))
        yield client
        client.close()
        store.close()


def path_of(route: Route) -> str:
    path = f"/api{route.api}"
    for name in route.path_parameters:
        path = path.replace(f"{{{name}}}", UNKNOWN if name == "id" or name.endswith("_id") else "nobody")
    return path


def told(route: Route, answer: Any) -> str:
    return f"{route.method} {route.api or route.page}: {answer.status_code} {answer.text[:300]}"


def send(client: Client, route: Route, *bodies: bytes) -> list[Any]:
    return client.send_each(route.method, path_of(route), bodies)


@pytest.mark.row("API-28")
def test_a_bad_body_is_refused_in_one_shape(client: Client) -> None:
    for route in WITH_BODY:
        for answer in send(client, route, *BAD_BODIES):
            assert 400 <= answer.status_code < 500 and set(answer.json()) in SHAPES, told(route, answer)


def test_a_wrong_type_in_any_field_is_refused_or_taken_but_never_a_crash(client: Client) -> None:
    for route in WITH_BODY:
        bodies = [json.dumps(body).encode() for body in wrong_bodies(route.body)]
        for body, answer in zip(bodies, send(client, route, *bodies), strict=True):
            assert answer.status_code < 500, f"{told(route, answer)} to {body!r}"


def test_an_unknown_object_or_an_empty_body_never_crashes(client: Client) -> None:
    for route in API:
        bare = client.request(route.method, path_of(route))
        for answer in (bare, *send(client, route, b"", b"{}", b"[]")):
            assert answer.status_code < 500, told(route, answer)


def test_an_id_that_is_none_is_not_found(client: Client) -> None:
    for route in API:
        if "{id}" in (route.api or ""):
            path = path_of(route).replace(UNKNOWN, "no-uuid")
            (answer,) = client.send_each(route.method, path, [b"" if route.body is None else b"{}"])
            assert (answer.status_code, list(answer.json())) == (404, ["detail"]), told(route, answer)


def test_another_method_is_405(client: Client) -> None:
    for route in API:
        (answer,) = client.send_each("TRACE", path_of(route), [b""])
        assert (answer.status_code, route.method in answer.headers["Allow"]) == (405, True), told(
            route, answer
        )


def test_a_body_over_the_limit_is_413(client: Client) -> None:
    for route in WITH_BODY:
        if not route.logs:
            (answer,) = send(client, route, b'{"x": "' + b"a" * 1_000_001 + b'"}')
            assert (answer.status_code, list(answer.json())) == (413, ["detail"]), told(route, answer)


def wrong_bodies(kind: Any) -> list[Any]:
    """Bodies of a struct with one field wrong each; for a list, lists of them."""
    if getattr(kind, "__origin__", None) is list:
        return [[body] for body in wrong_bodies(kind.__args__[0])]
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return [5, [], "x"]
    good = {field.encode_name: sample(field) for field in structs.fields(kind) if field.required}
    wrong: list[Any] = [5, -1, 1.5, "x", "", True, None, [], {}, [None], {"any_": "x"}, {"nope": 1}, 10**30]
    wrong += [
        2**31,
        2**62,
        1e300,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
        {"after_": "0001-01-01T00:00:00+14:00"},
    ]
    return [good] + [{**good, field.encode_name: value} for field in structs.fields(kind) for value in wrong]


def sample(field: structs.FieldInfo) -> Any:
    """Something that may do for a field, by its name."""
    if field.name.endswith("id"):
        return UNKNOWN
    known: dict[str, Any] = {
        "state": {"type": "RUNNING"}, "slots": 1, "names": ["a"], "limit": 1, "concurrency_limit": 1, "level": 20,
        "timestamp": "2026-01-01T00:00:00Z", "history_start": "2026-01-01T00:00:00Z",
        "history_end": "2026-01-02T00:00:00Z", "history_interval_seconds": 3600, "fields": {},
        "schedule": {"interval": 60},
        "deployment_ids": [], "flow_run_ids": [], "flow_ids": [],
    }  # fmt: skip
    return known.get(field.name, "x" if field.default in (NODEFAULT, UNSET) else field.default)


NASTY = (
    "",
    "?sort=best&state=nope&range=999999999d&limit=-1&page=x&after=zzz&q=%25%5F%27%22%3C",
    "?start-date=yesterday&end-date=0001-01-01T00:00:00%2B14:00&range=&after=%F0%9F%98%80&tag=&view=none&level=x",
    "?" + "&".join(f"state={number}" for number in range(300)),
    "?a=%ff%fe&q=" + "a" * 3000,
    "?q=%00",
)
CONSOLE = [route for route in routes(True) if route.page is not None]
PAGES = [route for route in CONSOLE if route.page_method == "GET" and not route.raw]
ACTIONS = [route for route in CONSOLE if route.page_method == "POST"]
FORMS: tuple[dict[str, str], ...] = (
    {},
    {"name": "\0"},
    {"id": "x", "name": "", "limit": "x", "p.x": "{", "tag": "a" * 999},
)


def page_of(route: Route) -> str:
    path = str(route.page)
    for name in route.path_parameters:
        path = path.replace(f"{{{name}}}", UNKNOWN if name == "id" or name.endswith("_id") else "nobody")
    return path


def test_no_address_of_the_console_crashes_its_page(client: Client) -> None:
    for route in PAGES:
        for query in NASTY:
            for accept in ("text/html", "application/json"):
                answer = client.get(page_of(route) + query, headers={"Accept": accept})
                assert answer.status_code < 500, f"{told(route, answer)} to {query}"


def test_no_form_crashes_its_action(client: Client) -> None:
    html = {"Accept": "text/html"}
    for route in ACTIONS:
        for form in FORMS:
            own = {**html, "Sec-Fetch-Site": "same-origin"}
            answer = client.post(page_of(route), data=form, headers=own)
            assert answer.status_code < 500, f"{told(route, answer)} to {form}"
        foreign = client.post(page_of(route), data={}, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403, told(route, foreign)
        no_form = client.post(page_of(route), json={}, headers=html)
        assert no_form.status_code == 415, told(route, no_form)
