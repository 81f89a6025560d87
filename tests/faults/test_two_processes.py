"""A server and a clock that write one SQLite file: nobody hears `locked`, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

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
