"""What every test gets: a home of its own, and databases of both kinds on request."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import settings

from orion.store import Store, open_store
from tests import databases

BOTH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))
ASKS_NO_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # so one kind is enough
OWN = ("ORION_", "PREFECT_")
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")  # what failed fails again; `--hypothesis-profile=default` looks for something new
MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes; all tests together write a sixth of it


def pytest_configure(config: pytest.Config) -> None:
    """Nobody's settings and nobody's home; workers inherit the session's folder of databases."""
    for name in [name for name in os.environ if name.startswith(OWN) and name not in _KEPT]:
        del os.environ[name]
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process that a test starts compiles orion anew
    # A background job of a shell ignores it, and so would everything that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _write_to_memory()
    databases.begin()
    _trust_one()
    os.environ["ORION_HOME"] = tempfile.mkdtemp(prefix="home-", dir=os.environ[databases.FOLDER])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays until the end: nothing to look for in it meanwhile."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def _write_to_memory() -> None:
    """Temporary files in memory, where there is plenty: a commit waits for no disk then."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    found = os.statvfs(MEMORY)
    if not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _trust_one() -> None:
    """One authority instead of all: every client of HTTP reads them, for 50 ms of each process that makes one."""
    file = Path(os.environ[databases.FOLDER]) / "authority.pem"
    if not file.exists():
        end = "-----END CERTIFICATE-----"
        file.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    os.environ["SSL_CERT_FILE"] = str(file)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give memory back, but keep what a failure has left."""
    folder = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    if exitstatus == 0 and MEMORY in folder.parents and not hasattr(session.config, "workerinput"):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    databases.let_go()
    if not hasattr(config, "workerinput"):
        databases.end()


_KEPT = (
    databases.FOLDER, "ORION_BENCH_PEER", "ORION_PEER_C2", "ORION_PEER_C3",
    "ORION_TEST_AXE", "ORION_TEST_CHROMIUM", "ORION_TEST_LOOKS",
)  # fmt: skip


def fresh_database(kind: str, folder: Path, *, empty: bool = False) -> Iterator[str]:
    """The URL of a new database of a kind, for the length of a test."""
    if kind == "sqlite":
        yield databases.new_sqlite(folder, empty=empty)
        return
    url = databases.new_postgres(empty=empty)
    yield url
    databases.drop_postgres(url)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an up-to-date database without rows; once for SQLite, once for PostgreSQL."""
    yield from fresh_database(request.param, tmp_path)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, or of a file that is not there yet."""
    yield from fresh_database(request.param, tmp_path, empty=True)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store; once on SQLite, once on PostgreSQL."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an up-to-date SQLite file without rows."""
    return databases.new_sqlite(tmp_path)


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """An open store on SQLite, for tests that the database makes no difference to."""
    opened = open_store(sqlite_url)
    yield opened
    opened.close()
