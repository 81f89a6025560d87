"""The package as it is imported: light, quick, with plugins; and the client's methods against the server's routes."""

from __future__ import annotations

import inspect
import logging
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from orion import flow, task
from orion.sdk import logs, plugins
from orion.sdk.client import SyncClient
from orion.sdk.exchange import Request
from orion.sdk.routes import Routes
from orion.settings import temporary_settings

SERVER_SIDE = ("orion.web", "orion.store", "starlette", "jinja2", "psycopg")
ROOT = Path(__file__).parents[2]
HEAVY = (
    "httpx",
    "starlette",
    "jinja2",
    "typer",
    "pydantic",
    "psycopg",
    "sqlite3",
    "asyncio",
    "msgspec",
    "cloudpickle",
)


def modules_after(code: str) -> set[str]:
    listing = f"import sys\n{code}\nprint(*sys.modules)"
    environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", listing], env=environ, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import orion",
        "from orion import flow, task",
        "from orion import flow, task\n@task(retries=2)\ndef t(x: int): ...\n@flow\ndef f(x: int = 1): t(x)",
    ],
)
def test_importing_orion_and_decorating_functions_loads_nothing_heavy(code: str) -> None:
    assert modules_after(code) & set(HEAVY) == set()


def test_the_sdk_against_a_server_loads_neither_web_nor_store() -> None:
    loaded = modules_after(
        "import orion.sdk.session, orion.sdk.flow_engine, orion.sdk.logs, orion.sdk.runners"
    )
    assert not [name for name in loaded if name.startswith(SERVER_SIDE)]


def test_an_app_without_a_console_loads_none_of_its_rooms() -> None:
    """It is what each flow without a server and each command without one begins with."""
    loaded = modules_after(
        "from orion.settings import load\nfrom orion.web.factory import build_app\n"
        "build_app(load({'ORION_UI_ENABLED': 'false'}), services=False)"
    )
    assert "orion.web.dispatch" in loaded
    assert loaded & {"jinja2", "orion.web.pages", "orion.web.templating", "orion.web.charts"} == set()


class Recorder(Routes):
    """Notes each method's request instead of sending it."""

    def send(self, request: Request) -> Any:
        return request


ARGUMENTS: dict[str, Any] = {
    "tags": [],
    "name": "a/b",
    "tag": "t",
    "concurrency_limit": 1,
    "items": [],
    "lines": [],
}


def requests_of_all_methods() -> dict[str, Request]:
    recorder, found = Recorder(), {}
    for name, method in inspect.getmembers(recorder, inspect.ismethod):
        if name.startswith("_") or name == "send":
            continue
        needed = [
            p.name for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]  # fmt: skip
        found[name] = method(*(ARGUMENTS.get(arg, "ID") for arg in needed))
    return found


@pytest.mark.row("SDK-27")
def test_every_method_of_the_client_has_its_route_on_the_server() -> None:
    from orion.web.routes import routes

    served = {
        (route.method, re.sub(r"\{[^}]+\}", "*", route.api)) for route in routes(console=False) if route.api
    }
    methods = requests_of_all_methods()
    assert len(methods) > 50
    for name, request in methods.items():
        path = re.sub(r"/(ID|a|b|a%2Fb|t)(?=/|$)", "/*", request.path.partition("?")[0])
        candidates = {(request.method, "/api" + path), (request.method, path)}
        assert candidates & served, f"{name}: {request.method} {path}"


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_loaded", None)


@pytest.mark.row("SDK-32")
@pytest.mark.usefixtures("no_plugins")
def test_a_broken_collection_is_reported_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [
        EntryPoint("good", "json", plugins.GROUP),
        EntryPoint("broken", "no_such_collection", plugins.GROUP),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda: points)
    logging.getLogger("orion").propagate = True
    try:
        loaded = plugins.load()
    finally:
        logs.set_up(again=True)
    assert loaded["good"].__name__ == "json"
    assert isinstance(loaded["broken"], ModuleNotFoundError)
    assert "The collection 'broken' (no_such_collection) cannot be loaded" in caplog.text
    assert plugins.load() is loaded


@pytest.mark.row("SDK-32")
@pytest.mark.usefixtures("no_plugins")
def test_a_collection_that_is_installed_is_found_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "orion_test_collection-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: orion-test-collection\nVersion: 1.0\n")
    (place / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nmine = orion_test_collection\n")
    (tmp_path / "orion_test_collection.py").write_text("registered = True\n")
    assert "mine" not in plugins.load()
    plugins._loaded = None
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.load()["mine"].registered


@pytest.mark.row("SDK-31")
def test_debug_mode_shows_calls_and_whole_states(client: SyncClient) -> None:
    @task
    def add(a: int, b: int) -> int:
        return a + b

    @flow
    def run(a: int) -> int:
        return add(a, b=2)

    run(1)
    quiet = {line.message for line in client.read_logs()}
    with temporary_settings({"ORION_DEBUG_MODE": True}):
        logs.set_up(again=True)
        run(1)
    logs.set_up(again=True)
    loud = {line.message for line in client.read_logs()} - quiet
    assert {"Calling run(1)", "Calling add(1, 2)"} <= loud
    assert any("Finished in state State(" in text and "held=3" in text for text in loud)
    assert not any("Calling" in text or "held=" in text for text in quiet)
