"""Who owns a SQLite file: one server, named; programs without a server share it or make way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.errors import DatabaseOwned
from orion.store import Role, lock, open_store
from tests.store.test_seam import names, put

ADDRESS = "http://127.0.0.1:4321/api"

SERVER = """
import sys
from orion.store import open_store
store = open_store(sys.argv[1], address=sys.argv[2])
print("open", flush=True)
sys.stdin.readline()
store.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orion.db"


@pytest.fixture
def server(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the file."""
    child = subprocess.Popen(
        [sys.executable, "-c", SERVER, f"sqlite:///{path}", ADDRESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    yield child
    child.kill()
    child.communicate()


def test_a_second_server_is_refused_and_told_whose_file_it_is(
    path: Path, server: subprocess.Popen[str]
) -> None:
    with pytest.raises(DatabaseOwned) as caught:
        open_store(f"sqlite:///{path}")
    assert str(server.pid) in str(caught.value)
    assert ADDRESS in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_program_without_a_server_learns_the_owners_address(
    path: Path, server: subprocess.Popen[str]
) -> None:
    with pytest.raises(DatabaseOwned) as caught:
        open_store(f"sqlite:///{path}", role=Role.EPHEMERAL)
    assert caught.value.extra == {"pid": server.pid, "address": ADDRESS}


def test_a_clock_shares_the_owners_file_and_never_checkpoints(
    path: Path, server: subprocess.Popen[str]
) -> None:
    clock = open_store(f"sqlite:///{path}", role=Role.CLOCK)
    clock.write_now(put, "from the clock")
    assert clock.write_now(lambda conn: conn.one("PRAGMA wal_autocheckpoint")) == (0,)
    clock.close()
    assert lock.owner(path) == lock.Owner(server.pid, ADDRESS)


def test_programs_without_a_server_share_the_file(path: Path) -> None:
    stores = [open_store(f"sqlite:///{path}", role=Role.EPHEMERAL) for _ in range(2)]
    for number, store in enumerate(stores):
        store.write_now(put, str(number))
    assert [store.read_now(names) for store in stores] == [["0", "1"], ["0", "1"]]
    assert stores[0].options.busy == 30
    for store in stores:
        store.close()


def test_the_lock_goes_with_a_killed_owner_and_tells_that_it_did_not_close(
    path: Path, server: subprocess.Popen[str]
) -> None:
    server.kill()
    server.wait()
    assert lock.owner(path) is None
    owned = lock.Ownership(path)
    assert owned.unclean
    owned.release()
    again = lock.Ownership(path)
    assert not again.unclean
    again.release()


def test_the_address_can_be_told_later(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    assert lock.owner(path) == lock.Owner(os.getpid())
    store.announce(ADDRESS)
    assert lock.owner(path) == lock.Owner(os.getpid(), ADDRESS)
    store.close()
    assert lock.owner(path) is None


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    deep = path.parent / "new" / "orion.db"
    open_store(f"sqlite:///{deep}").close()
    modes = [file.stat().st_mode & 0o777 for file in (deep.parent, deep, lock.lock_path(deep))]
    assert modes == [0o700, 0o600, 0o600]
