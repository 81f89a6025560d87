"""Copies of a SQLite file: made while it is in use, kept beside it, put back by moving them into its place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from orion.errors import NotFound
from orion.store.lock import Ownership


def make(raw: sqlite3.Connection, path: Path, *, label: str, target: Path | None = None) -> Path:
    """Copy the database of `raw`, usually to `<file>.backup-<label>-<n>`; the copy is whole or is not there."""
    target = target or free(path, label)
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as copy:
        raw.backup(copy)
    unfinished.chmod(0o600)
    unfinished.replace(target)
    return target


def newest(path: Path) -> Path | None:
    """The last copy that was made of `path`."""
    return next(iter(copies(path)), None)


def copies(path: Path) -> list[Path]:
    """The copies of `path` that lie beside it, the newest first."""
    found = [copy for copy in path.parent.glob(f"{path.name}.backup-*") if copy.suffix != ".part"]
    return sorted(found, key=lambda copy: copy.stat().st_mtime_ns, reverse=True)


def schema_of(path: Path) -> int:
    """The schema version of a database or of a copy, whoever wrote it; 0 of what is none."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as raw:
            return int(raw.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0


def restore(path: Path, copy: Path | None = None) -> Path:
    """Put a copy (the newest, if none is named) in the place of `path`; refuses while a server owns it."""
    copy = copy or newest(path)
    if copy is None or not copy.is_file():
        raise NotFound(f"There is no backup {copy}." if copy else f"There is no backup of {path}.")
    owned = Ownership(path)
    try:
        fresh = path.with_name(path.name + ".restore")
        shutil.copyfile(copy, fresh)
        fresh.chmod(0o600)
        forget(path)
        fresh.replace(path)
    finally:
        owned.release()
    return copy


def forget(path: Path) -> None:
    """Delete a database with its journals."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def free(path: Path, label: str) -> Path:
    """A name for a copy that no file has."""
    number = 1
    while (target := path.with_name(f"{path.name}.backup-{label}-{number}")).exists():
        number += 1
    return target
