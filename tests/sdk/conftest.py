"""What the tests of the SDK share: a throwaway orion without a server, and servers on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from orion.sdk import duplicates, session
from orion.sdk.client import SyncClient
from orion.settings import current, temporary_settings
from orion.testing import test_harness as harness
from tests import databases


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    duplicates._seen.clear()


@pytest.fixture
def home() -> Iterator[Path]:
    """A throwaway orion without a server; gives its home."""
    with harness() as folder:
        databases.put_sqlite(folder / "orion.db")
        yield folder


@pytest.fixture
def client(home: Path) -> Iterator[SyncClient]:
    """A client of the throwaway orion."""
    with SyncClient() as found:
        yield found


class Served:
    """A server in a thread of this process."""

    def __init__(self, app: Any, port: int = 0) -> None:
        config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1, ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started and self.thread.is_alive():
            self.thread.join(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)


@contextmanager
def serving(database_url: str, home: Path) -> Iterator[Served]:
    """A server on this database; in the block, runs talk to it."""
    from orion.web.factory import build_app

    own = {"ORION_HOME": str(home), "ORION_LOCAL_STORAGE_PATH": str(home / "storage")}
    with temporary_settings({**own, "ORION_DATABASE_URL": database_url, "ORION_API_URL": None}):
        served = Served(build_app(current(), services=True))
        with temporary_settings({"ORION_API_URL": served.url}):
            try:
                yield served
            finally:
                session.close_all()
                served.stop()


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """A server; once on SQLite, once on PostgreSQL."""
    with serving(database_url, tmp_path / "home") as served:
        yield served


@pytest.fixture
def sqlite_server(sqlite_url: str, tmp_path: Path) -> Iterator[Served]:
    """A server on SQLite."""
    with serving(sqlite_url, tmp_path / "home") as served:
        yield served
