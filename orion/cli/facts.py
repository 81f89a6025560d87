"""What this orion is: versions, and where things are. It imports little, so that `orion version` is quick."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from orion import __version__
from orion.layout import PACKAGE
from orion.settings import Settings

API_VERSION = "0.8.4"


def gather(settings: Settings) -> dict[str, Any]:
    """What `orion version` says."""
    return {
        "version": __version__,
        "API version": API_VERSION,
        "Python": platform.python_version(),
        "commit": commit(PACKAGE.parent),
        "system": f"{platform.system()} {platform.machine()}",
        "profile": settings.profile,
        "server": settings.api_url or "none: runs use the database itself",
        "database": settings.masked()["ORION_DATABASE_URL"],
        **_sqlite(settings.database_url),
    }


def commit(checkout: Path) -> str | None:
    """The commit that a checkout stands on, read from its files; None in a wheel."""
    git = checkout / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head[:10]
        return (git / head.removeprefix("ref: ")).read_text().strip()[:10]
    except OSError:
        return None


def _sqlite(url: str) -> dict[str, str]:
    if not url.startswith("sqlite"):
        return {}
    import sqlite3

    return {"SQLite": sqlite3.sqlite_version}


def lines(facts: dict[str, Any]) -> str:
    """The facts, one a line."""
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in facts.items() if value)
