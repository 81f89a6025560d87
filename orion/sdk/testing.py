"""For tests of flows: a throwaway orion, with a database of its own and nothing of the user's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orion.settings import temporary_settings


@contextmanager
def test_harness() -> Iterator[Path]:
    """Inside the block flows run against a temporary SQLite database; gives the temporary home.

    `with test_harness(): assert my_flow(2) == 4`
    """
    from orion.sdk import ephemeral, session

    session.close_all()
    with tempfile.TemporaryDirectory(prefix="orion-test-") as folder:
        home = Path(folder)
        with temporary_settings(_settings(home)):
            try:
                yield home
            finally:
                session.close_all()
                ephemeral.unmount()


def _settings(home: Path) -> dict[str, str | None]:
    return {
        "ORION_HOME": str(home),
        "ORION_API_URL": None,
        "ORION_API_KEY": None,
        "ORION_DATABASE_URL": f"sqlite:///{home / 'orion.db'}",
        "ORION_LOCAL_STORAGE_PATH": str(home / "storage"),
        "ORION_TEST_MODE": "true",
    }


test_harness.__test__ = False  # type: ignore[attr-defined]
