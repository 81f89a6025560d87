"""Sorts and pages: every sort orders alike on both databases, pages by key give each row once."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from orion.errors import Invalid
from orion.store import Store, deployments, flow_runs, flows, logs, paging, task_runs
from orion.store.base import Conn
from tests.store import world as worlds
from tests.store.world import World

EARLY = datetime(1970, 1, 1, tzinfo=UTC)
Key = Callable[[Any], Any]


def moment(name: str) -> Key:
    """Moments, with none before all others."""
    return lambda row: getattr(row, name) or EARLY


def began(run: Any) -> datetime:
    return run.start_time or run.expected_start_time or EARLY


ORDERS: list[tuple[str, str, Key, bool]] = [
    ("flows", "NAME_ASC", lambda row: row.name, False),
    ("flows", "NAME_DESC", lambda row: row.name, True),
    ("flows", "CREATED_DESC", moment("created"), True),
    ("flows", "UPDATED_DESC", moment("updated"), True),
    ("deployments", "NAME_ASC", lambda row: row.name, False),
    ("deployments", "NAME_DESC", lambda row: row.name, True),
    ("deployments", "CREATED_DESC", moment("created"), True),
    ("deployments", "UPDATED_DESC", moment("updated"), True),
    ("flow_runs", "ID_DESC", lambda row: row.id, True),
    ("flow_runs", "START_TIME_ASC", began, False),
    ("flow_runs", "START_TIME_DESC", began, True),
    ("flow_runs", "EXPECTED_START_TIME_ASC", moment("expected_start_time"), False),
    ("flow_runs", "EXPECTED_START_TIME_DESC", moment("expected_start_time"), True),
    ("flow_runs", "NAME_ASC", lambda row: row.name, False),
    ("flow_runs", "NAME_DESC", lambda row: row.name, True),
    ("flow_runs", "END_TIME_DESC", moment("end_time"), True),
    ("task_runs", "ID_DESC", lambda row: row.id, True),
    ("task_runs", "EXPECTED_START_TIME_ASC", moment("expected_start_time"), False),
    ("task_runs", "EXPECTED_START_TIME_DESC", moment("expected_start_time"), True),
    ("task_runs", "NAME_ASC", lambda row: row.name, False),
    ("task_runs", "NAME_DESC", lambda row: row.name, True),
    ("task_runs", "END_TIME_DESC", moment("end_time"), True),
]
MODULES: dict[str, Any] = {
    "flows": flows,
    "deployments": deployments,
    "flow_runs": flow_runs,
    "task_runs": task_runs,
}


@pytest.fixture
def world(store: Store) -> World:
    return store.write_now(worlds.build)


def rows_of(world: World, kind: str) -> list[Any]:
    return list(getattr(world, kind))


@pytest.mark.row("API-15")
@pytest.mark.row("API-16")
def test_each_sort_orders_by_its_value_and_then_by_id(store: Store, world: World) -> None:
    for kind, sort, key, descending in ORDERS:
        listed = [row.id for row in store.read_now(MODULES[kind].filter, None, sort, 200)]
        wanted = sorted(rows_of(world, kind), key=lambda row: (key(row), row.id), reverse=descending)
        assert listed == [row.id for row in wanted], (kind, sort)


@pytest.mark.row("API-15")
def test_the_next_planned_runs_come_first_and_runs_without_a_plan_last(store: Store, world: World) -> None:
    listed = store.read_now(flow_runs.filter, None, "NEXT_SCHEDULED_START_TIME_ASC", 200)
    wanted = sorted(
        world.flow_runs,
        key=lambda run: (
            run.next_scheduled_start_time is None,
            run.next_scheduled_start_time or EARLY,
            run.id,
        ),
    )
    assert [run.id for run in listed] == [run.id for run in wanted]


def test_every_sort_is_tested(store: Store) -> None:
    tested = {(kind, sort) for kind, sort, _, _ in ORDERS}
    for kind, module in MODULES.items():
        missing = {name for name in module.LISTING.sorts if (kind, name) not in tested}
        assert missing <= {"NEXT_SCHEDULED_START_TIME_ASC"}


def test_pages_by_key_give_the_whole_list_once_in_order(store: Store, world: World) -> None:
    for kind, module in MODULES.items():
        for sort in module.LISTING.sorts:
            whole = [row.id for row in store.read_now(module.filter, None, sort, 200)]
            assert pages(store, module.page, sort, 3) == whole, (kind, sort)
            assert pages(store, module.page, sort, 200) == whole


def pages(store: Store, page: Any, sort: str, limit: int) -> list[str]:
    found: list[str] = []
    key = None
    while True:
        rows, key = store.read_now(page, None, sort, limit, key)
        assert len(rows) <= limit
        found += [row.id for row in rows]
        if key is None:
            return found


@pytest.mark.row("API-07")
def test_limit_and_offset_cut_the_list(store: Store, world: World) -> None:
    whole = [run.id for run in store.read_now(flow_runs.filter, None, None, 200)]
    assert [run.id for run in store.read_now(flow_runs.filter, None, None, 5, 3)] == whole[3:8]
    assert store.read_now(flow_runs.filter, None, None, 0) == []
    assert store.read_now(flow_runs.filter, None, None, 10, 1000) == []
    assert store.read_now(flow_runs.page, None, None, 0) == ([], None)


@pytest.mark.parametrize(
    ("module", "sort"),
    [
        (module, sort)
        for module, sort, *_ in [*ORDERS, ("flow_runs", "NEXT_SCHEDULED_START_TIME_ASC")]
        if "TIME" in sort and "runs" in module
    ],
)
def test_pages_by_offset_give_the_whole_list_also_where_a_value_is_missing(
    store: Store, world: World, module: str, sort: str
) -> None:
    listed = MODULES[module].filter
    whole = [row.id for row in store.read_now(listed, None, sort, 200)]
    for size in (1, 3, 7):
        pages = [store.read_now(listed, None, sort, size, place) for place in range(0, len(whole) + size, size)]
        assert [row.id for page in pages for row in page] == whole
    assert store.read_now(listed, None, sort, 5, len(whole) + 1) == []


@pytest.mark.parametrize("key", ["", "x", "WzEsMl0", "bnVsbA", "W10", "é", "eyJhIjoxfQ"])
def test_a_broken_key_is_refused_with_a_hint(sqlite_store: Store, key: str) -> None:
    with pytest.raises(Invalid, match="first page"):
        sqlite_store.read_now(flow_runs.page, None, None, 10, key)


def test_the_key_of_another_sort_is_refused(store: Store, world: World) -> None:
    _, key = store.read_now(flow_runs.page, None, "NAME_ASC", 3)
    with pytest.raises(Invalid, match="first page"):
        store.read_now(flow_runs.page, None, "EXPECTED_START_TIME_ASC", 3, key)


def test_a_forged_key_is_the_senders_fault(store: Store, world: World) -> None:
    """The right column with a text where a moment belongs: refused, or an empty page, never a fault of ours."""
    forged = base64.urlsafe_b64encode(b'["flow_run.expected_start_time","soon","id"]').decode()
    with contextlib.suppress(Invalid):
        store.read_now(flow_runs.page, None, "EXPECTED_START_TIME_ASC", 3, forged)


def test_a_row_deleted_between_the_two_looks_is_left_out(sqlite_store: Store) -> None:
    world = sqlite_store.write_now(worlds.build)

    def look(conn: Conn) -> list[Any]:
        ids = [*(run.id for run in world.flow_runs[:2]), worlds.new_id()]
        return paging.fetch(conn, flow_runs.LISTING, ids)

    assert [row[0] for row in sqlite_store.read_now(look)] == [run.id for run in world.flow_runs[:2]]


def test_logs_have_all_their_sorts(sqlite_store: Store) -> None:
    for sort in logs.LISTING.sorts:
        assert sqlite_store.read_now(logs.page, None, sort, 10) == ([], None)
