"""Rows to structs and back, on both databases; and named SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import Raw

from orion.model import wire
from orion.model.deployments import DeploymentSchedule
from orion.model.flow_runs import CreatedBy, FlowRun, FlowRunPolicy
from orion.model.times import from_micros, iso, to_micros
from orion.store import Conn, Store, sql
from orion.store.dialect import translate
from orion.store.rows import Rows

NOW = datetime(2026, 11, 23, 4, 30, 0, 0, tzinfo=UTC)
NOT_KEPT = ("state", "estimated_run_time", "estimated_start_time_delta", "work_pool_id", "work_pool_name")
RUN = Rows(FlowRun, "flow_run", leave_out=NOT_KEPT)
SCHEDULE = Rows(DeploymentSchedule, "deployment_schedule")

FULL = FlowRun(
    id="r1",
    created=NOW,
    updated=NOW + timedelta(microseconds=1),
    name="grün-ibis",
    flow_id="f",
    parameters=Raw(b'{"b": 1.50,  "a": [null, "\\u0000"]}'),
    empirical_policy=FlowRunPolicy(retries=3, pause_keys=["k"], retry_delay=1.5),
    tags=["b", "a"],
    run_count=2,
    expected_start_time=NOW,
    total_run_time=1.25,
    auto_scheduled=True,
    created_by=CreatedBy(type="SCHEDULE"),
)
BARE = FlowRun(id="r2", created=NOW, updated=NOW, name="n", flow_id="f")


def keep(conn: Conn, *runs: FlowRun) -> None:
    sql_ = "INSERT INTO flow (id, created, updated, name) VALUES ('f', :now, :now, 'f')"
    conn.run(sql_, {"now": conn.time(NOW)})
    for run in runs:
        conn.run(RUN.insert, RUN.values(conn, run))


def read(conn: Conn) -> list[FlowRun]:
    return RUN.read_all(conn, conn.all(f"SELECT {RUN.columns} FROM flow_run ORDER BY id"))


def test_a_struct_comes_back_as_it_was_kept(store: Store) -> None:
    store.write_now(keep, FULL, BARE)
    full, bare = store.read_now(read)
    assert (full, bare) == (FULL, BARE)
    assert bytes(full.parameters) == bytes(FULL.parameters)


def test_times_are_written_with_six_digits_whatever_they_are(store: Store) -> None:
    store.write_now(keep, FULL)
    assert b'"created":"2026-11-23T04:30:00.000000Z"' in wire.encode(store.read_now(read)[0])


def test_fields_that_are_no_columns_are_given(store: Store) -> None:
    def with_pool(conn: Conn) -> FlowRun:
        row = conn.one(f"SELECT {RUN.columns}, 'pool' FROM flow_run")
        assert row is not None
        return RUN.read(conn, row, work_pool_name=row[RUN.width])

    store.write_now(keep, FULL)
    assert store.read_now(with_pool).work_pool_name == "pool"


def test_booleans_and_missing_json(store: Store) -> None:
    def schedules(conn: Conn) -> list[DeploymentSchedule]:
        keep(conn)
        now = {"now": conn.time(NOW)}
        conn.run(
            "INSERT INTO deployment (id, created, updated, name, flow_id) VALUES ('d', :now, :now, 'd', 'f')",
            now,
        )
        conn.run(
            "INSERT INTO deployment_schedule (id, created, updated, deployment_id, schedule, active, catchup)"
            " VALUES ('s', :now, :now, 'd', '{}', FALSE, TRUE)",
            now,
        )
        return SCHEDULE.read_all(conn, conn.all(f"SELECT {SCHEDULE.columns} FROM deployment_schedule"))

    (schedule,) = store.write_now(schedules)
    assert (schedule.active, schedule.catchup) == (False, True)
    assert bytes(schedule.parameters) == b"{}"


@pytest.mark.parametrize(
    ("value", "sqlite"),
    [
        (NOW, int(NOW.timestamp()) * 1_000_000),
        (Raw(b'{"a":  1}'), '{"a":  1}'),
        (["b", "a"], '["b","a"]'),
        ("text", "text"),
        (None, None),
        (True, True),
    ],
)
def test_changed_columns_are_bound_like_whole_structs(sqlite_store: Store, value: Any, sqlite: Any) -> None:
    assert sqlite_store.read_now(lambda conn: RUN.changes(conn, {"column": value})) == {"column": sqlite}


NAMED = """-- What this file is for.

-- name: get
-- One run by its id.
SELECT id -- why
FROM flow_run WHERE id = :id;

-- name: all
-- All of them.
SELECT id FROM flow_run
"""


def test_statements_are_found_by_name() -> None:
    statements = sql.parse(NAMED)
    assert list(statements) == ["get", "all"]
    assert statements["all"] == "SELECT id FROM flow_run"
    assert statements["get"].endswith("WHERE id = :id")


def test_a_missing_statement_is_named() -> None:
    with pytest.raises(AttributeError, match=r"flow_runs\.sql has no statement named 'fly'"):
        _ = sql.load("flow_runs").fly


@pytest.mark.parametrize(
    ("text", "postgres"),
    [
        ("SELECT :a, :b_2", "SELECT %(a)s, %(b_2)s"),
        ("SELECT ':a', '50%', 5 % :a", "SELECT ':a', '50%%', 5 %% %(a)s"),
        ("SELECT :a::text", "SELECT %(a)s::text"),
        ("SELECT '{}' -- 5% of :a", "SELECT '{}' -- 5%% of :a"),
        (
            "id IN {listed:ids}",
            "id IN (SELECT value FROM jsonb_array_elements_text(CAST(%(ids)s AS jsonb)) AS value)",
        ),
    ],
)
def test_statements_are_put_into_postgres_words(text: str, postgres: str) -> None:
    assert translate(text, "postgres") == postgres


@pytest.mark.parametrize(
    ("written", "year"), [("0001-01-01T00:00:00+12:00", 1), ("9999-12-31T23:59:59.500000-12:00", 9999)]
)
def test_a_time_beyond_the_calendar_is_read_as_its_end(written: str, year: int) -> None:
    moment = from_micros(to_micros(datetime.fromisoformat(written)))
    assert (moment.year, moment.tzinfo) == (year, UTC)
    assert iso(moment).startswith(f"{year:04d}-")


@pytest.mark.parametrize(
    ("text", "sqlite"),
    [
        ("INSERT INTO t VALUES ('INSERT')", "insert INTO t VALUES ('INSERT')"),
        ("-- Why.\n INSERT INTO t", "-- Why.\n insert INTO t"),
        ("SELECT 'INSERT'", "SELECT 'INSERT'"),
    ],
)
def test_the_rows_of_an_insert_are_counted_whatever_a_locale_makes_of_an_i(text: str, sqlite: str) -> None:
    """In Turkish it is no capital i, and Python's own look for the word would not find it."""
    assert translate(text, "sqlite") == sqlite
