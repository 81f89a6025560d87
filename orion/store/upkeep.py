"""What people do to a whole database: reset, upgrade, copy, put a copy back, check, measure, vacuum."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orion.errors import Busy, Conflict, DatabaseCorrupt, DatabaseError, DatabaseOwned, NotFound, StorageFull
from orion.store import backup, migrate, postgres_backup, statistics
from orion.store.base import Options, Role
from orion.store.lock import Ownership, turn
from orion.store.sqlite_conn import HELD, connect, private
from orion.store.url import Place, parse

if TYPE_CHECKING:
    import psycopg

MOMENT, MOMENTS = 0.2, 15  # seconds, times


def reset(url: str) -> None:
    """Drop everything and make an empty database of the latest schema."""
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            postgres_backup.drop(raw)
            migrate.postgres(raw)
        return
    with _owned(place) as path:
        backup.forget(path)
        migrate.sqlite(path, Options.of(Role.SERVER))


def pending(url: str, until: int | None = None) -> list[migrate.Step]:
    """The steps that an upgrade would take, in order; `until` is the last schema that is wanted."""
    place = parse(url)
    version, latest = _version(place), migrate.latest(place.dialect)
    if until is not None and until > latest:
        raise NotFound(f"There is no schema {until}: this orion knows those up to {latest}.")
    wanted = latest if until is None else until
    return [step for step in migrate.steps(place.dialect) if version < step.number <= wanted]


def upgrade(url: str, until: int | None = None) -> Path | None:
    """Bring the schema up to date, or up to an older one; answers the backup of what was there, where one was made."""
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            migrate.postgres(raw, until=until)
        return None
    with _owned(place) as path:
        before = backup.newest(path)
        migrate.sqlite(path, Options.of(Role.SERVER), until=until)
        after = backup.newest(path)
    return after if after != before else None


def older(url: str, schema: int | None = None) -> tuple[Path, int, int]:
    """The newest backup of an older schema (or of that one) that this orion knows, its schema, and the present one."""
    place = parse(url)
    if place.dialect == "postgres":
        raise DatabaseError(
            "Before an upgrade orion copies SQLite files only. A backup of PostgreSQL is put back by its name: "
            "orion database restore FILE"
        )
    path = _existing(place)
    present = backup.schema_of(path)
    below = min(present, migrate.latest("sqlite") + 1)
    for copy in backup.copies(path):
        found = backup.schema_of(copy)
        if 0 < found < below and schema in (None, found):
            return copy, found, present
    what = f"an older schema than {present}" if schema is None else f"the schema {schema}"
    raise NotFound(f"Beside {path} lies no backup of {what}. Put back another: orion database restore FILE")


def restore(url: str, copy: Path) -> Path:
    """Put a backup in the place of the database."""
    place = parse(url)
    if place.dialect != "postgres":
        return backup.restore(_file(place), copy)
    with _postgres(place) as raw, _alone(raw):
        postgres_backup.restore(raw, copy)
    return copy


def back_up(url: str, target: Path | None = None) -> Path:
    """Copy a database, also while a server has it open; without a target to a new file beside it, or here."""
    place = parse(url)
    if target is not None and target.exists():
        raise Conflict(f"{target} is there already; name another file.")
    if target is not None and not (target.parent.is_dir() and os.access(target.parent, os.W_OK)):
        raise NotFound(f"There is no folder {target.parent} that you may write to.")
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            name = Path(f"{raw.info.dbname}.pg")
            return postgres_backup.make(raw, target or backup.free(Path.cwd() / name, "manual"))
    path = _existing(place)
    with _open(path) as raw, turn(path, Options.of(Role.SERVER).busy):
        return backup.make(raw, path, label="manual", target=target)


def stats(url: str) -> statistics.Statistics:
    """How big a database is, and what fills it; one that is not there yet has nothing."""
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            return statistics.of_postgres(raw, str(place))
    path = _file(place)
    if not path.exists():
        return statistics.Statistics(database=str(path), schema_version=0, bytes=0, tables=[])
    with _open(path) as raw:
        return statistics.of_sqlite(raw, path)


def vacuum(url: str, *, full: bool = False) -> tuple[int, int]:
    """Tidy up after deletes; the bytes before and after.

    SQLite writes its file anew, which needs room for a copy and nobody else in it. PostgreSQL marks room as free for
    later rows while others work; with `full` it writes its tables anew, too, and keeps others out.
    """
    place = parse(url)
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            return _size(raw), _vacuum_postgres(raw, full)
    with _owned(_sound(place)) as path:
        before = path.stat().st_size
        with _open(path) as raw:
            _vacuum_sqlite(raw, path)
        return before, path.stat().st_size


def _sound(place: Place) -> Place:
    _existing(place)
    return place


def _vacuum_sqlite(raw: sqlite3.Connection, path: Path) -> None:
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF
        if code in HELD:
            raise Busy(f"{path} is held by another process; stop the clock and try again.") from None
        if code == sqlite3.SQLITE_FULL:
            raise StorageFull(f"There is no room for a second copy of {path}.") from None
        raise


def _vacuum_postgres(raw: psycopg.Connection[Any], full: bool) -> int:
    names = raw.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()")
    for (table,) in names.fetchall():
        raw.execute(f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {table}".encode())
    return _size(raw)


def _size(raw: psycopg.Connection[Any]) -> int:
    row = raw.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _alone(raw: psycopg.Connection[Any]) -> Iterator[None]:
    """Refuse while another orion has sessions in the database; one that has just been closed may take a moment."""
    for _ in range(MOMENTS):
        if not (others := _others(raw)):
            break
        time.sleep(MOMENT)
    else:
        raise DatabaseOwned(
            f"{others} other sessions are in the database {raw.info.dbname!r}: stop servers and clocks first."
        )
    yield


def _others(raw: psycopg.Connection[Any]) -> int:
    row = raw.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    ).fetchone()
    return int(row[0]) if row else 0


def check(url: str) -> list[str]:
    """Every fault found: damaged pages, broken references, a schema that is behind."""
    place = parse(url)
    behind = [
        f"the schema is behind by the step {step.name!r}: orion database upgrade" for step in pending(url)
    ]
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            return [*postgres_backup.faults(raw), *behind]
    with _open(_existing(place)) as raw:
        damaged = [row[0] for row in raw.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        broken = [
            f"a row of {row[0]} refers to a missing {row[2]}"
            for row in raw.execute("PRAGMA foreign_key_check")
        ]
    return [*damaged, *broken, *behind]


def _version(place: Place) -> int:
    if place.dialect == "postgres":
        with _postgres(place) as raw:
            return migrate.postgres_version(raw)
    path = _file(place)
    if not path.exists():
        return 0
    with _open(path) as raw:
        return migrate.sqlite_version(raw, path)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, busy=Options.of(Role.EPHEMERAL).busy)) as raw:
        try:
            yield raw
        except sqlite3.DatabaseError as error:
            raise DatabaseCorrupt(f"{path} is damaged or no SQLite database ({error}).") from None


def _file(place: Place) -> Path:
    if place.dialect == "postgres":
        raise DatabaseError("A PostgreSQL database has no file.")
    if place.path is None:
        raise DatabaseError("A database in memory has no file.")
    return place.path


def _existing(place: Place) -> Path:
    path = _file(place)
    if not path.exists():
        raise DatabaseError(f"There is no database {path}. Make it: orion database upgrade")
    return path


@contextmanager
def _owned(place: Place) -> Iterator[Path]:
    """The file of a place, held as a server holds it: refused while a server has it."""
    path = _file(place)
    private(path)
    owned = Ownership(path)
    try:
        yield path
    finally:
        owned.release()


@contextmanager
def _postgres(place: Place) -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    from orion.store.postgres_conn import patience

    try:
        with psycopg.connect(place.url, autocommit=True, **patience(place)) as raw:
            yield raw
    except psycopg.OperationalError as error:
        raise DatabaseError(f"{place} cannot be reached: {' '.join(str(error).split())}") from None
