"""A server in this process, and agents beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from orion.agent import Options
from orion.settings import load
from orion.store import Store
from orion.web.factory import build_app
from tests.agent.house import SECONDS, House, Running, Start, flow
from tests.servers import eventually


@pytest.fixture
def house(sqlite_store: Store, tmp_path: Path) -> Iterator[House]:
    """A server on a free port."""
    app = build_app(load({"ORION_HOME": str(tmp_path / "home")}), sqlite_store, services=False)
    config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    house = House(f"http://127.0.0.1:{port}")
    yield house
    house.http.close()
    server.should_exit = True
    thread.join(SECONDS)


@pytest.fixture
def start(house: House) -> Iterator[Start]:
    """Start an agent for the queue `default` whose flow processes run a piece of code."""
    started: list[Running] = []

    def begin(code: str = "enter('RUNNING'); enter('COMPLETED')", **options: Any) -> Running:
        given = {"queues": ("default",), "api": house.api, "command": flow(code), **options}
        started.append(Running(Options(**given)))
        return started[-1]

    yield begin
    for running in started:
        running.stop()
