"""`python -m tests.fuzz sqlite|postgres`: hostile requests to every route of the API, page and form of the console.

The routes come from the OpenAPI document, the parameters of pages and the fields of forms from the pages themselves.
Each answer must be one that the document promises: never a 500, refusals in one shape that name the field, nothing
written by what is refused. In the end the clock's duties run over what is there, and the database is checked. The seed
decides which requests there are. `make fuzz` runs both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import databases
from tests.fuzz.campaign import campaign


def main() -> int:
    """0 when everything held; else 1, with each request that did not get its due."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("database", choices=["sqlite", "postgres"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--url", help="a database to fill with nonsense, instead of a new one")
    given = parser.parse_args()
    print(f"Fuzz on {given.url or given.database}, seed {given.seed}.", flush=True)
    with tempfile.TemporaryDirectory(prefix="orion-fuzz-") as folder, _database(given, Path(folder)) as url:
        with campaign(url, Path(folder), given.seed) as running:
            until = time.monotonic() + given.seconds
            while time.monotonic() < until:
                running.step()
            report = running.finish()
    print(report.text())
    return 1 if report.faults else 0


@contextmanager
def _database(given: argparse.Namespace, folder: Path) -> Iterator[str]:
    if given.url:
        yield given.url
        return
    databases.begin()
    try:
        yield databases.new_sqlite(folder) if given.database == "sqlite" else databases.new_postgres()
    finally:
        databases.end()


if __name__ == "__main__":
    sys.exit(main())
