"""A throwaway orion without a server, once on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.blocks import redaction
from orion.sdk.client import SyncClient
from orion.settings import temporary_settings
from orion.testing import test_harness as harness


@pytest.fixture
def home(database_url: str) -> Iterator[Path]:
    """The home of a throwaway orion on the database."""
    with harness() as folder, temporary_settings({"ORION_DATABASE_URL": database_url}):
        yield folder
        from orion.sdk import ephemeral, session

        session.close_all()
        ephemeral.unmount()


@pytest.fixture
def client(home: Path) -> Iterator[SyncClient]:
    with SyncClient() as found:
        yield found


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """No test hides what another has learnt."""
    redaction.forget()
    yield
    redaction.forget()
