"""Flipped bytes in a database file: it is refused with a clear message, or it serves; never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from orion.errors import OrionError
from orion.store import Conn, open_store
from orion.store.url import parse
from tests import databases
from tests.store.test_seam import names, put

pytestmark = pytest.mark.fault


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    url = databases.new_sqlite(tmp_path)
    store = open_store(url)

    def fill(conn: Conn) -> None:
        for number in range(300):
            put(conn, f"{number:03}", "x" * 200)

    store.write_now(fill)
    store.close()
    path = parse(url).path
    assert path is not None
    return path


def use(path: Path) -> str:
    """Start, read and write as a server would after an unclean end; what it said when it would not."""
    path.with_name(f"{path.name}.lock").write_text('{"pid": 1, "url": ""}')
    store = open_store(f"sqlite:///{path}")
    try:
        store.read_now(names)
        store.write_now(put, "new")
    finally:
        store.close()
    return ""


@pytest.mark.parametrize("count", [1, 10, 100])
def test_flipped_bytes_are_served_or_refused(filled: Path, count: int) -> None:
    chance = random.Random(count)
    whole = filled.read_bytes()
    refused = 0
    for attempt in range(34):
        damaged = bytearray(whole)
        for place in chance.sample(range(len(whole)), count):
            damaged[place] ^= 1 << chance.randrange(8)
        path = filled.with_name(f"damaged-{attempt}.db")
        path.write_bytes(damaged)
        try:
            use(path)
        except OrionError as error:
            refused += 1
            assert error.message
    assert refused or count == 1
