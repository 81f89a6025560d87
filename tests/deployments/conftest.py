"""A server, a client of it, and a flow in a file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.sdk.client import SyncClient
from orion.settings import temporary_settings
from tests.agent.conftest import house  # noqa: F401
from tests.agent.house import House

CODE = '''
    from datetime import date
    from orion import flow

    print("loaded")

    @flow(name="daily weather", version="7")
    def weather(station: str, day: date = date(2012, 1, 1), years: list[int] = [2012], dry_run: bool = False) -> str:
        """What the weather was."""
        return f"{station} {day} {years} {dry_run}"

    if __name__ == "__main__":
        raise SystemExit("the main block was run")
'''


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with `flows.py`."""
    (tmp_path / "flows.py").write_text(textwrap.dedent(CODE))
    return tmp_path


@pytest.fixture
def client(house: House) -> Iterator[SyncClient]:  # noqa: F811
    """A client of the server, which is also the configured one."""
    with temporary_settings({"ORION_API_URL": house.api}), SyncClient() as opened:
        yield opened
