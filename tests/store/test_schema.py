"""What the schema itself promises: its tables, unique keys, and histories that go with their run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orion.errors import Conflict
from orion.store import Conn, Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)

REQUIRED: dict[str, dict[str, Any]] = {
    "flow": {"name": "a"},
    "deployment": {"name": "a", "flow_id": "f"},
    "work_queue": {"name": "a"},
    "concurrency_limit": {"name": "tag:a", "slot_limit": 1},
    "saved_search": {"name": "a"},
    "variable": {"name": "a", "value": "1"},
    "block_type": {"name": "a", "slug": "a"},
    "block_schema": {"checksum": "a", "version": "1", "block_type_id": "t", "fields": "{}"},
    "block_document": {"name": "a", "block_type_id": "t", "block_schema_id": "s", "data": "{}"},
    "flow_run": {"name": "a", "flow_id": "f", "idempotency_key": "a"},
    "task_run": {"name": "a", "flow_run_id": "r", "task_key": "a", "dynamic_key": "0"},
}


def add(conn: Conn, table: str, id: str, **columns: Any) -> None:
    columns = {"id": id, "created": conn.time(NOW), "updated": conn.time(NOW), **REQUIRED[table], **columns}
    insert(conn, table, columns)


def insert(conn: Conn, table: str, columns: dict[str, Any]) -> None:
    names = ", ".join(columns)
    conn.run(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in columns)})", columns)


def world(conn: Conn) -> None:
    add(conn, "flow", "f", name="flow")
    add(conn, "block_type", "t", name="type", slug="type")
    add(conn, "block_schema", "s", checksum="sum")
    add(conn, "flow_run", "r", idempotency_key="key")


@pytest.mark.row("DB-11")
@pytest.mark.parametrize("table", REQUIRED)
def test_a_second_object_with_the_same_natural_key_is_refused(store: Store, table: str) -> None:
    def twice(conn: Conn) -> None:
        add(conn, table, "1")
        add(conn, table, "2")

    store.write_now(world)
    with pytest.raises(Conflict):
        store.write_now(twice)
    store.write_now(add, table, "1")


@pytest.mark.parametrize(
    ("table", "other"),
    [
        ("deployment", {"flow_id": "g"}),
        ("flow_run", {"flow_id": "g"}),
        ("flow_run", {"idempotency_key": None}),
        ("task_run", {"dynamic_key": "1"}),
        ("task_run", {"flow_run_id": None}),
        ("block_schema", {"version": "2"}),
        ("block_document", {"block_type_id": "u"}),
    ],
)
def test_natural_keys_hold_within_their_parent(store: Store, table: str, other: dict[str, Any]) -> None:
    def both(conn: Conn) -> None:
        world(conn)
        add(conn, "flow", "g", name="other flow")
        add(conn, "block_type", "u", name="other", slug="other")
        add(conn, table, "1")
        add(conn, table, "2", **other)

    store.write_now(both)


@pytest.mark.parametrize("table", ["flow_run_state", "task_run_state"])
def test_a_transition_is_kept_once(store: Store, table: str) -> None:
    def state(conn: Conn, id: str, transition: str | None) -> None:
        run = "flow_run_id" if table == "flow_run_state" else "task_run_id"
        state = {"id": id, run: "r", "type": "RUNNING", "name": "Running", "timestamp": conn.time(NOW)}
        insert(conn, table, {**state, "transition_id": transition})

    store.write_now(world)
    store.write_now(add, "task_run", "r")
    for id, transition in (("1", None), ("2", None), ("3", "t")):
        store.write_now(state, id, transition)
    with pytest.raises(Conflict):
        store.write_now(state, "4", "t")


def test_what_belongs_to_a_flow_goes_with_it(store: Store) -> None:
    def belongings(conn: Conn) -> None:
        world(conn)
        add(conn, "task_run", "1")
        add(conn, "deployment", "d")
        state = {"id": "s", "type": "RUNNING", "name": "Running", "timestamp": conn.time(NOW)}
        insert(conn, "flow_run_state", {**state, "flow_run_id": "r"})
        insert(conn, "task_run_state", {**state, "task_run_id": "1"})
        insert(conn, "task_run_cache", {"cache_key": "k", "created": conn.time(NOW), "state_id": "s"})
        insert(conn, "flow_run_tag", {"flow_run_id": "r", "tag": "a"})
        insert(conn, "task_run_tag", {"task_run_id": "1", "tag": "a"})
        add(conn, "concurrency_limit", "l")
        insert(conn, "concurrency_slot", {"limit_id": "l", "task_run_id": "1"})

    gone = (
        *("flow_run", "flow_run_state", "flow_run_tag", "task_run", "task_run_state", "task_run_tag"),
        *("task_run_cache", "deployment", "concurrency_slot"),
    )
    store.write_now(belongings)
    assert store.read_now(rows, gone) == dict.fromkeys(gone, 1)
    store.write_now(lambda conn: conn.run("DELETE FROM flow WHERE id = 'f'"))
    assert store.read_now(rows, gone) == dict.fromkeys(gone, 0)


def rows(conn: Conn, tables: tuple[str, ...]) -> dict[str, int]:
    return {table: conn.all(f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables}


KINDS = {
    "flow", "flow_run", "task_run", "flow_run_state", "task_run_state", "task_run_cache", "deployment", "saved_search",
    "log", "concurrency_limit", "work_queue", "agent", "block_type", "block_schema", "block_document",
    "block_document_reference", "flow_run_notification_policy", "notification_outbox", "setting",
}  # fmt: skip


@pytest.mark.row("DB-10")
def test_every_kind_of_object_has_its_table_on_both_databases(store: Store) -> None:
    listing = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if store.dialect == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    assert KINDS - {name for (name,) in store.read_now(lambda conn: conn.all(listing))} == set()
