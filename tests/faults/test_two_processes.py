"""Processes that write one SQLite file at once: nobody hears `locked`, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orion.store import Lane, open_store
from tests.store.test_seam import names, put

pytestmark = pytest.mark.fault

CLOCK = """
import sys
from orion.store import Lane, Role, open_store
from tests.store.test_seam import put

store = open_store(sys.argv[1], role=Role.CLOCK)
for number in range(150):
    store.write_now(put, f"clock {number:03}", lane=Lane.LOW)
store.close()
"""


def test_a_server_and_a_clock_write_at_once(sqlite_url: str) -> None:
    server = open_store(sqlite_url)
    clock = subprocess.Popen([sys.executable, "-c", CLOCK, sqlite_url])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: server.write_now(put, f"server {number:03}"), range(300)))
    assert clock.wait(60) == 0
    assert len(server.read_now(names)) == 450
    assert server.read_now(lambda conn: conn.one("PRAGMA integrity_check")) == ("ok",)
    server.write_now(put, "after", lane=Lane.STATE)
    server.close()


ALONE = """
import sys
from orion.store import Role, open_store
from tests.store.test_seam import put

for number in range(20):
    store = open_store(sys.argv[1], role=Role.EPHEMERAL)
    store.write_now(put, f"{sys.argv[2]} {number}")
    store.close()
"""


def test_programs_without_a_server_come_and_go_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/orion.db"
    children = [subprocess.Popen([sys.executable, "-c", ALONE, url, str(number)]) for number in range(6)]
    assert [child.wait(120) for child in children] == [0] * 6
    store = open_store(url)
    assert len(store.read_now(names)) == 120
    store.close()
