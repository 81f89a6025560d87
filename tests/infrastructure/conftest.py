"""The server and agents of the agent's tests, beside stand-ins for Docker and Kubernetes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.agent.conftest import house, start
from tests.agent.house import SECONDS
from tests.infrastructure.docker_engine import Engine
from tests.infrastructure.kubernetes_cluster import Cluster
from tests.servers import eventually

__all__ = ["house", "start"]


def serve(app: Any, **where: Any) -> tuple[uvicorn.Server, threading.Thread]:
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none", **where)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    return server, thread


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A Docker Engine on a socket that DOCKER_HOST names, with the image `flows:1`."""
    engine = Engine()
    engine.images.add("flows:1")
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        server, thread = serve(engine.app, uds=f"{folder}/docker.sock")
        yield engine
        engine.kill_all()
        eventually(lambda: all(found.ended.is_set() for found in engine.containers.values() if found.process))
        server.should_exit = True
        thread.join(SECONDS)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """A Kubernetes API server that a kubeconfig in KUBECONFIG leads to."""
    cluster = Cluster()
    server, thread = serve(cluster.app, port=0)
    port = server.servers[0].sockets[0].getsockname()[1]
    path = tmp_path / "kubeconfig"
    path.write_text(cluster.kubeconfig(f"http://127.0.0.1:{port}"))
    monkeypatch.setenv("KUBECONFIG", str(path))
    yield cluster
    cluster.kill()
    eventually(lambda: all(task.done() for task in cluster.running))
    server.should_exit = True
    thread.join(SECONDS)


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    """A file with flows, as an image would hold it."""
    path = tmp_path / "flows.py"
    path.write_text(
        "import os, sys, time\n"
        "from orion import flow\n\n"
        "@flow(log_prints=True)\n"
        "def hello(name='world'):\n"
        "    print(f'hello {name}')\n"
        "    print('seen', os.environ.get('REGION'), file=sys.stderr)\n\n"
        "@flow\n"
        "def endless():\n"
        "    while True: time.sleep(0.05)\n"
    )
    return path
