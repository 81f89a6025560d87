"""`orion database prune`: counts first, deletes when told to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.cli.api import api
from orion.model.times import utcnow
from orion.settings import current
from orion.store import Conn, Role, open_store
from tests.cli.conftest import Orion

pytestmark = pytest.mark.usefixtures("migrated")


def runs_of_days_ago(*days: int) -> None:
    from orion.sdk.ephemeral import unmount

    with api() as server:
        flow = server.post("/flows/", {"name": "etl"})
        ids = [
            server.post("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "COMPLETED"}})["id"]
            for _ in days
        ]
    unmount()

    def age(conn: Conn) -> None:
        for id, number in zip(ids, days, strict=True):
            then = conn.time(utcnow() - timedelta(days=number))
            sql = "UPDATE flow_run SET expected_start_time = :then, end_time = :then, state_timestamp = :then"
            conn.run(f"{sql} WHERE id = :id", {"then": then, "id": id})

    store = open_store(current().database_url, role=Role.CLOCK)
    store.write_now(age)
    store.close()


def left(orion: Orion) -> int:
    return len(orion("flow-run", "ls", "--json").json)


@pytest.mark.row("DB-13")
def test_a_dry_run_counts_and_deletes_nothing(orion: Orion) -> None:
    runs_of_days_ago(500, 400, 1)
    assert orion("database", "prune", "--dry-run", "--keep", "1").out == "etl\t2 runs\n"
    assert orion("database", "prune", "--dry-run", "--keep", "1", "--json").json["runs"] == {"etl": 2}
    assert left(orion) == 3


@pytest.mark.row("DB-13")
def test_old_runs_are_deleted_once_that_is_confirmed(orion: Orion) -> None:
    runs_of_days_ago(500, 400, 1)
    assert orion("database", "prune", "--keep", "1", code=None).code != 0
    assert left(orion) == 3
    assert "Deleted 2 rows." in orion("database", "prune", "--keep", "1", "--yes").err
    assert left(orion) == 1
    assert "Nothing is old enough" in orion("database", "prune", "--yes").err


def test_retention_that_is_off_is_told(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORION_RETENTION", "off")
    assert "everything is kept" in orion("database", "prune", "--yes").err
