"""Result files of deleted runs: those in this machine's own storage go with the run.

A flow process has written them, and nothing of them is read here: a file goes by its name and size alone, and only
from inside the storage. Results that a cache may still give away, and those in other storages, stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from orion.model import wire
from orion.settings import current


def remove(data: Iterable[str]) -> int:
    """Delete the files that the data of states refer to; how many there were."""
    base = Path(current().local_storage_path).resolve()
    return sum(_remove(base, wire.unraw(text.encode())) for text in data) if base.is_dir() else 0


def _remove(base: Path, data: Any) -> bool:
    match data:
        case {"type": "reference", "storage_key": str(key), "size": int(size)}:
            pass
        case _:
            return False
    if any("block" in str(name) for name in data):
        return False
    path = base / key
    try:
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(base):
            return False
        if path.stat().st_size != size:
            return False
        path.unlink()
    except (OSError, ValueError):  # a name that no file can have
        return False
    return True
