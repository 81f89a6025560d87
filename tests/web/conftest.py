"""The client of the web's tests: the whole app over each database, without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion.settings import Settings, load
from tests.web.browser import Client, Clock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty home on loopback."""
    return load({"ORION_HOME": str(tmp_path / "home")})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(store: Any, settings: Settings, clock: Clock) -> Iterator[Client]:
    """A client of the app on both databases; its clock stands still."""
    from orion.web.factory import build_app

    client = Client(build_app(settings, store, services=False, clock=clock))
    yield client
    client.close()
