"""A canary among the secrets, searched for in every answer of the API, on every page, in the files and in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion.settings import Settings, load
from orion.store import open_store
from orion.vault import KEY_FILE
from orion.web.factory import build_app
from orion.web.openapi import document
from orion.web.routes import API, routes
from tests.conftest import BOTH, fresh_database
from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML, PARTIAL, act
from tests.web.test_blocks import FIELDS, registered, saved

CANARY = "canary-9d42"


@pytest.fixture(scope="module", params=BOTH)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with something of everything, its settings and its database's address."""
    folder: Path = tmp_path_factory.mktemp("canary")
    for url in fresh_database(request.param, folder):
        settings = load({"ORION_HOME": str(folder / "home")})
        store = open_store(url)
        client = Client(build_app(settings, store, services=False))
        yield client, settings, url, _fill(client)
        client.close()
        store.close()


def _fill(client: Client) -> dict[str, str]:
    """Something of everything; ids by the name of the path parameter's resource."""
    inner = registered(client)
    held = saved(client, inner, {"user": "seen", "password": CANARY, "headers": {"a": CANARY}}, name="held")
    fields = {
        **FIELDS,
        "properties": {"inner": {}},
        "required": [],
        "secret_fields": ["inner.password", "inner.headers.*"],
    }
    outer = registered(client, fields)
    link = {"$ref": {"block_document_id": held["id"]}}
    saved(client, outer, {"inner": link}, name="linked")
    saved(client, outer, {"inner": {"password": CANARY, "headers": {"x": CANARY}}}, name="copied")
    hook = _typed(client, "slack-webhook", {"url": f"http://127.0.0.1:9/{CANARY}"})
    _typed(client, "secret", {"value": CANARY})
    policy = client.post(
        "/api/flow_run_notification_policies/",
        json={"state_names": [], "tags": [], "block_document_id": hook},
    ).json()
    act(client, f"/blocks/{hook}/test")
    flow = makers.flow(client)["id"]
    deployment = makers.deployment(
        client, flow, storage_document_id=held["id"],
        parameters={"p": "{{ orion.blocks.secret.made }}"},
        infra_overrides={"env": {"P": "{{ orion.blocks.secret.made }}"}},
    )["id"]  # fmt: skip
    run = client.post(f"/api/deployments/{deployment}/create_flow_run", json={}).json()["id"]
    task = makers.task_run(client, run)["id"]
    variable = client.post("/api/variables/", json={"name": "v", "value": 1}).json()["id"]
    artifact = client.post("/api/artifacts/", json={"key": "k", "data": "x", "flow_run_id": run}).json()["id"]
    return {
        "block_documents": held["id"], "block_types": inner["block_type_id"], "block_schemas": inner["id"],
        "blocks": held["id"], "flows": flow, "deployments": deployment, "flow_runs": run, "runs": run,
        "task_runs": task, "task-runs": task, "variables": variable, "artifacts": artifact,
        "flow_run_notification_policies": policy["id"], "notifications": policy["id"],
        "queues": makers.queue(client)["id"], "slug": inner["block_type"]["slug"], "block_document_name": "held",
        "checksum": inner["checksum"], "key": "k",
    }  # fmt: skip


def _typed(client: Client, slug: str, data: dict[str, Any]) -> str:
    kind = client.get(f"/api/block_types/slug/{slug}").json()
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    schema = client.post("/api/block_schemas/filter", json=wanted).json()[0]
    return str(saved(client, schema, data, name="made")["id"])


def address(path: str, known: dict[str, str], group: str) -> str:
    """A path with something that is there in the place of each parameter."""
    for name in ("slug", "block_document_name", "checksum", "key"):
        path = path.replace(f"{{{name}}}", known[name])
    return path.replace("{id}", known.get(group, makers.UNKNOWN))


def spread(text: str) -> bool:
    """Whether the canary is in a text, as it is or as it may have been written."""
    return CANARY in text or CANARY in json.dumps(text).replace("\\", "")


@pytest.mark.row("BLK-05")
def test_no_answer_of_the_api_holds_it_unless_it_is_asked_for(house: Any) -> None:
    client, _, _, known = house
    told = 0
    for path, operations in document(API, "1")["paths"].items():
        if "clear" in path or "drop" in path or "create_database" in path:
            continue
        group = path.split("/")[2]
        for method in operations:
            if method == "get" or (
                method == "post" and path.endswith(("/filter", "/count", "/paginate", "/history"))
            ):
                where = address(path, known, group)
                answers = [client.request(method.upper(), where, **({} if method == "get" else {"json": {}}))]
                told += sum(answer.is_success for answer in answers)
                assert not any(spread(answer.text) for answer in answers), f"{method} {where}"
    assert told > 50, "too few routes answered for this to mean anything"
    asked = client.get(f"/api/block_documents/{known['blocks']}", params={"include_secrets": "true"})
    assert CANARY in asked.text


@pytest.mark.row("BLK-05")
def test_no_page_holds_it(house: Any) -> None:
    client, _, _, known = house
    told = 0
    for route in routes(True):
        if route.page is None or route.page_method != "GET" or route.raw:
            continue
        where = address(route.page, known, route.page.split("/")[1])
        for headers in (HTML, PARTIAL, {"Accept": "application/json"}):
            answer = client.get(where, headers=headers)
            told += answer.status_code == 200
            assert not spread(answer.text), where
    assert told > 80
    for address_of in ("/blocks", "/search?q=canary", f"/search?q={known['slug']}"):
        assert not spread(client.get(address_of, headers=HTML).text.replace("canary</", ""))


@pytest.mark.row("BLK-04")
def test_no_file_and_no_error_holds_it(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, settings, url, known = house
    with caplog.at_level(logging.DEBUG):
        for body in (
            {"data": {"password": CANARY}, "name": "Bad Name"},
            {"data": [CANARY]},
            {"data": CANARY},
        ):
            answer = client.post(
                "/api/block_documents/", json={**body, "block_type_id": "x", "block_schema_id": "y"}
            )
            assert answer.status_code == 422 and not spread(answer.text)
            answer = client.patch(
                f"/api/block_documents/{known['blocks']}", json={**body, "block_schema_id": "z"}
            )
            assert answer.status_code == 422 and not spread(answer.text)
        act(client, f"/blocks/catalog/{known['slug']}/create", **{"name": "Bad", "p.password": CANARY})
        key = Path(settings.home) / KEY_FILE
        before = key.read_text()
        key.write_text("wrong\n")
        wrong = client.get(f"/api/block_documents/{known['blocks']}?include_secrets=true")
        key.write_text(before)
    assert wrong.status_code == 500 and "ORION_ENCRYPTION_KEY" in wrong.text and not spread(wrong.text)
    assert not spread(caplog.text)
    assert CANARY.encode() not in _stored(settings, url)


def _stored(settings: Settings, url: str) -> bytes:
    """All that is kept: the database file with its WAL and the home, or every row of every table."""
    home = [file for file in Path(settings.home).rglob("*") if file.is_file()]
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        home += path.parent.glob(f"{path.name}*")
        assert path.stat().st_size > 0
        return b"".join(file.read_bytes() for file in home)
    import psycopg

    with psycopg.connect(url) as raw:
        tables = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [raw.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables]
    return b"".join(file.read_bytes() for file in home) + repr(rows).encode()
