"""`python -m benchmarks [TABLE ...] [--write]`: the tables of docs/performance.md, measured here and now.

Tables: weight, requests, tasks, dispatch, planning, pages, postgres; without an argument all but the
last two, which take long. They end with 1 when a page is over its limits.
Peers are measured beside orion when ORION_PEER_C3 or ORION_PEER_C2 names a Python that has Prefect; ORION_INSTALLED
names one with orion's wheel installed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import re
import sqlite3
from collections.abc import Callable

from benchmarks import dispatch, one_request, one_task, pages, planning, servers, weight

TABLES: dict[str, Callable[[], str]] = {
    "weight": weight.run,
    "requests": one_request.run,
    "tasks": one_task.run,
    "dispatch": dispatch.run,
    "planning": planning.run,
    "pages": pages.run,
    "postgres": pages.run_postgres,
}
LONG = ("pages", "postgres")
PAGE = servers.ROOT / "docs" / "performance.md"


def main() -> None:
    """Measure and print; with --write also put each table into docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", choices=[*TABLES, []], help=", ".join(TABLES))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    chosen = parser.parse_args()
    over = False
    for name in chosen.tables or [each for each in TABLES if each not in LONG]:
        text = f"{TABLES[name]()}\n{_where(name)}\n"
        print(text, flush=True)
        if chosen.write:
            _write(name, text)
        over = over or pages.OVER in text
    raise SystemExit(over)


def _where(name: str) -> str:
    machine = f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"`python -m benchmarks {name}`, {dt.date.today()}, {machine}."


def _write(name: str, text: str) -> None:
    page = PAGE.read_text()
    block = f"<!-- {name} -->\n{text}<!-- /{name} -->"
    text, found = re.subn(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _: block, page, flags=re.DOTALL)
    if not found:
        raise SystemExit(
            f"{PAGE} has no place for this table: put <!-- {name} --> and <!-- /{name} --> there."
        )
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
