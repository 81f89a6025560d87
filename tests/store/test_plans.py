"""What lists read: no statement of the API's and the console's lists goes over a whole big table, or sorts one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orion.model import filters as f
from orion.model.filters import Filters
from orion.model.ids import new_id
from orion.model.work_queues import QueueFilter, WorkQueue
from orion.store import (
    Store,
    block_documents,
    console,
    deployments,
    flow_runs,
    flows,
    graph,
    history,
    logs,
    open_store,
    retention,
    states,
    task_runs,
    waiting,
    work_queues,
)
from orion.store.base import Conn
from orion.store.dialect import translate
from orion.web.pages.run_filters import LATE
from tests.conftest import fresh_database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BIG = (
    "flow_run",
    "task_run",
    "log",
    "flow_run_state",
    "task_run_state",
    "flow_run_tag",
    "task_run_tag",
    "event",
)
ID, OTHER = new_id(), new_id()
Read = Callable[[Conn], Any]
QUEUE = WorkQueue(id=ID, created=NOW, updated=NOW, name="default")


def plans(store: Store, read: Read) -> list[tuple[str, list[str]]]:
    """Every statement of a read, with SQLite's plan for it."""
    found: list[tuple[str, list[str]]] = []

    def watch(conn: Conn) -> None:
        execute = conn._execute  # type: ignore[attr-defined]

        def explained(sql: str, params: Any) -> Any:
            explain = f"EXPLAIN QUERY PLAN {translate(sql, 'sqlite')}"
            found.append((sql, [row[3] for row in execute(explain, params).fetchall()]))
            return execute(sql, params)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conn, "_execute", explained)
            read(conn)

    store.read_now(watch)
    return found


def faults(plan: list[str]) -> list[str]:
    """A scan of a big table without an index; or one along an index whose order then is of no use."""
    scans = [step for step in plan if step.startswith("SCAN ") and step.split()[1] in BIG]
    bare = [step for step in scans if "USING" not in step]
    return bare + (
        [*scans, "sorted"] if scans and any("TEMP B-TREE FOR ORDER BY" in step for step in plan) else []
    )


def runs(**criteria: Any) -> Filters:
    return Filters(flow_runs=f.FlowRunFilter(**criteria))


def kinds(*types: Any) -> f.StateCriterion:
    return f.StateCriterion(type=f.StateTypeCriterion(any_=list(types)))


WEEK = f.TimeCriterion(after_=NOW - timedelta(days=7), before_=NOW + timedelta(days=1))
FLOW_RUN_FILTERS: dict[str, Filters | None] = {
    "all": None,
    "by id": runs(id=f.IdCriterion(any_=[ID, OTHER])),
    "by the beginning of an id": runs(id=f.IdCriterion(startswith_=[ID[:9]])),
    "of a time": runs(expected_start_time=WEEK),
    "in a state": runs(state=kinds("FAILED")),
    "in some states": runs(state=kinds("FAILED", "CRASHED")),
    "tagged": runs(tags=f.TagsCriterion(all_=["a", "b"])),
    "named like": runs(name=f.NameCriterion(like_="x"), expected_start_time=WEEK),
    "of a deployment": runs(deployment_id=f.NullableIdCriterion(any_=[ID])),
    "of a flow": Filters(flows=f.FlowFilter(id=f.IdCriterion(any_=[ID]))),
    "of two flows": Filters(flows=f.FlowFilter(id=f.IdCriterion(any_=[ID, OTHER]))),
    "of a flow by name": Filters(flows=f.FlowFilter(name=f.NameCriterion(any_=["x"]))),
    "of flows named like": Filters(flows=f.FlowFilter(name=f.NameCriterion(like_="x"))),
    "with a task run": Filters(task_runs=f.TaskRunFilter(name=f.NameCriterion(any_=["x"]))),
    "of a queue": runs(work_queue_name=f.TextCriterion(any_=["x"]), state=kinds("CANCELLING")),
    "in the pool": Filters(work_pools=f.WorkPoolFilter(name=f.NameCriterion(any_=["default-agent-pool"]))),
    "subflows of a run": runs(parent_flow_run_id=f.NullableIdCriterion(any_=[ID])),
}
TASK_RUN_FILTERS: dict[str, Filters | None] = {
    "all": None,
    "of a run": runs(id=f.IdCriterion(any_=[ID])),
    "of a run, by its id": Filters(task_runs=f.TaskRunFilter(flow_run_id=f.NullableIdCriterion(any_=[ID]))),
    "of a flow": Filters(flows=f.FlowFilter(id=f.IdCriterion(any_=[ID]))),
    "in a state": Filters(task_runs=f.TaskRunFilter(state=kinds("RUNNING"))),
    "of a run in a state": Filters(
        flow_runs=f.FlowRunFilter(id=f.IdCriterion(any_=[ID])),
        task_runs=f.TaskRunFilter(state=kinds("FAILED")),
    ),
    "tagged": Filters(task_runs=f.TaskRunFilter(tags=f.TagsCriterion(any_=["a"]))),
}


def lists(common: bool) -> dict[str, Read]:
    """Every list, with every filter and sort that belongs to it."""
    reads: dict[str, Read] = {}
    for module, choices in ((flow_runs, FLOW_RUN_FILTERS), (task_runs, TASK_RUN_FILTERS)):
        for name, wanted in choices.items():
            for sort in module.LISTING.sorts:
                label = f"{module.LISTING.table} {name} {sort}"
                reads[label] = lambda conn, m=module, w=wanted, s=sort: m.filter(conn, w, s, 200, 10, NOW)
                reads[f"{label} by key"] = lambda conn, m=module, w=wanted, s=sort: m.page(
                    conn, w, s, 50, None, NOW
                )
    if common:
        return reads
    for name, wanted in {"all": None, "with runs": runs(state=kinds("FAILED"))}.items():
        for module in (flows, deployments):
            for sort in module.LISTING.sorts:
                reads[f"{module.LISTING.table} {name} {sort}"] = lambda conn, m=module, w=wanted, s=sort: (
                    m.filter(conn, w, s, 200)
                )
    of_run = f.LogFilter(flow_run_id=f.NullableIdCriterion(any_=[ID]), level=f.LevelCriterion(ge_=30))
    of_task = f.LogFilter(task_run_id=f.NullableIdCriterion(any_=[ID]))
    filtered = QUEUE.__class__(id=ID, created=NOW, updated=NOW, name="q", filter=QueueFilter(tags=["a"]))
    return reads | {
        "newest logs": lambda conn: logs.page(conn, None, "TIMESTAMP_DESC", 200),
        "logs of a run": lambda conn: logs.filter(conn, of_run, None, 200),
        "logs of a task run": lambda conn: logs.page(conn, of_task, "TIMESTAMP_DESC", 200),
        "logs of a time": lambda conn: logs.filter(conn, f.LogFilter(timestamp=WEEK), None, 200),
        "a flow run": lambda conn: flow_runs.get(conn, ID, NOW),
        "a flow run by key": lambda conn: flow_runs.by_key(conn, ID, "key"),
        "a task run by key": lambda conn: task_runs.by_key(conn, ID, "key", "0"),
        "task runs counted": lambda conn: flow_runs.count_task_runs(conn, [ID, OTHER]),
        "states of a run": lambda conn: states.of_flow_run(conn, ID),
        "states of a task run": lambda conn: states.of_task_run(conn, ID),
        "graph": lambda conn: graph.dependencies(conn, ID, NOW),
        "dots": lambda conn: history.dots(conn, runs(expected_start_time=WEEK), None, 1000, 0, NOW),
        "history": lambda conn: history.flow_runs(conn, None, NOW - timedelta(days=7), NOW, 3700, NOW),
        "history of task runs": lambda conn: history.task_runs(
            conn, None, NOW - timedelta(days=7), NOW, 3700, NOW
        ),
        "runs of a queue": lambda conn: work_queues.runs_for_queue(conn, QUEUE, NOW, 10, NOW),
        "runs of a queue with a filter": lambda conn: work_queues.runs_for_queue(
            conn, filtered, NOW, 10, NOW
        ),
        "busy runs of a queue": lambda conn: work_queues.busy(conn, QUEUE),
        "next runs of flows": lambda conn: flows.next_runs(conn, [ID]),
        "unfiltered count": lambda conn: flow_runs.count(conn),
        "block documents": lambda conn: block_documents.filter(conn, None, None, None, None, 200),
    }


@pytest.mark.parametrize("common", [False, True], ids=["rare", "common"])
def test_no_list_goes_over_a_whole_big_table(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, common: bool
) -> None:
    """Also when conditions are met by many rows: with the limit at no rows, every condition counts as common."""
    if common:
        monkeypatch.setattr("orion.store.conditions.QUICKLY_SORTED", 0)
    found = {
        (name, sql): faults(plan)
        for name, read in lists(common).items()
        for sql, plan in plans(sqlite_store, read)
    }
    assert {key: steps for key, steps in found.items() if steps} == {}


def test_the_test_would_see_a_scan(sqlite_store: Store) -> None:
    def scan(text: str) -> list[str]:
        return [
            fault for _, plan in plans(sqlite_store, lambda conn: conn.all(text)) for fault in faults(plan)
        ]

    assert scan("SELECT * FROM flow_run WHERE total_run_time > 5")
    assert scan("SELECT id FROM flow_run ORDER BY total_run_time LIMIT 5")
    assert not scan("SELECT id FROM flow_run ORDER BY expected_start_time LIMIT 5")


def test_what_a_page_of_the_console_counts_stands_in_an_index(sqlite_store: Store) -> None:
    """Also of a run with ten thousand tasks and a hundred thousand lines: no row is looked at."""
    reads: dict[str, Read] = {
        "task runs by state": lambda conn: console.task_counts(conn, [ID, OTHER]),
        "lines": lambda conn: console.log_count(conn, ID),
        "newest line": lambda conn: console.newest_log(conn, ID),
        "new lines": lambda conn: console.log_count_after(conn, ID, OTHER, NOW),
    }
    for name, read in reads.items():
        ((_, plan),) = plans(sqlite_store, read)
        assert any("USING COVERING INDEX" in step and "flow_run_id=?" in step for step in plan), (name, plan)
        assert not any("TEMP B-TREE" in step for step in plan), (name, plan)


def test_a_live_log_takes_from_the_table_no_more_lines_than_it_shows(sqlite_store: Store) -> None:
    ((_, plan),) = plans(sqlite_store, lambda conn: console.logs_after(conn, ID, OTHER, NOW, 10))
    sought = [step for step in plan if "flow_run_id=?" in step]
    assert sought and all("log USING COVERING INDEX log_flow_run" in step for step in sought), plan
    assert any("log USING PRIMARY KEY (id=?)" in step for step in plan), plan


def test_results_that_a_retry_would_use_are_looked_for_in_the_run_alone(sqlite_store: Store) -> None:
    ((_, plan),) = plans(sqlite_store, lambda conn: console.stored_results(conn, ID, 10))
    assert any("task_run_flow_run_state (flow_run_id=? AND state_type=?)" in step for step in plan), plan


@pytest.mark.parametrize("sort", ["EXPECTED_START_TIME_ASC", "EXPECTED_START_TIME_DESC"])
def test_late_runs_are_sought_among_the_planned_ones(sqlite_store: Store, sort: str) -> None:
    """And not among all runs of a month, of which ten are late."""
    wanted = runs(state=LATE, expected_start_time=WEEK)
    (_, ids), *_ = plans(sqlite_store, lambda conn: flow_runs.filter(conn, wanted, sort, 10))
    assert any("(state_type=? AND expected_start_time>?" in step for step in ids), ids


def test_the_beginning_of_an_id_is_a_stretch_of_the_index(sqlite_store: Store) -> None:
    wanted = runs(id=f.IdCriterion(startswith_=[ID[:9]]))
    (_, ids), *_ = plans(sqlite_store, lambda conn: flow_runs.filter(conn, wanted, "ID_DESC", 5))
    assert any("(id>? AND id<?)" in step for step in ids), ids


def test_a_search_by_name_looks_at_a_stretch_of_the_names_and_at_the_newest_runs(sqlite_store: Store) -> None:
    (_, beginning), (text, containing) = plans(sqlite_store, lambda conn: console.runs_named(conn, "a", 20))
    assert any("flow_run_name (name>? AND name<?)" in step for step in beginning), beginning
    assert "LIMIT :most" in text and not any("TEMP B-TREE" in step for step in containing)


@pytest.mark.parametrize("what", ["list", "history"])
def test_runs_of_a_tag_are_sought_in_their_time_only(sqlite_store: Store, what: str) -> None:
    wanted = runs(tags=f.TagsCriterion(all_=["a"]), expected_start_time=WEEK)
    named = runs(
        tags=f.TagsCriterion(all_=["a"]), name=f.NameCriterion(like_="x"), expected_start_time=WEEK
    )
    reads: dict[str, Read] = {
        "list": lambda conn: flow_runs.page(conn, wanted, None, 50, None, NOW),
        "history": lambda conn: history.flow_runs(conn, named, NOW - timedelta(days=7), NOW, 3700, NOW),
    }
    steps = [step for _, plan in plans(sqlite_store, reads[what]) for step in plan if "flow_run_tag" in step]
    assert steps and all(
        "(tag=? AND expected_start_time>? AND expected_start_time<?)" in step for step in steps
    )


@pytest.mark.parametrize("what", ["tag", "queues"])
@pytest.mark.parametrize("only_counts", [True, False])
def test_a_history_of_a_tag_or_of_queues_reads_no_finished_run_of_a_whole_hour(
    sqlite_store: Store, what: str, only_counts: bool
) -> None:
    wanted = {
        "tag": runs(tags=f.TagsCriterion(all_=["a"]), expected_start_time=WEEK),
        "queues": runs(work_queue_name=f.TextCriterion(any_=["a", "b"]), expected_start_time=WEEK),
    }[what]
    start, alone = NOW - timedelta(days=7), {"only_counts": only_counts}
    even, uneven = (
        plans(
            sqlite_store,
            lambda conn, at=at: history.flow_runs(conn, wanted, at, NOW, 14_400, NOW, **alone),
        )
        for at in (start, start + timedelta(minutes=10))
    )
    (live, of_live), (_, rolled) = even
    by_state = "flow_run_state_type (state_type=? AND expected_start_time>? AND expected_start_time<?)"
    assert history.LIVE in live and any(by_state in step for step in of_live), of_live
    by_hour = "flow_run_facet_hour USING PRIMARY KEY (facet=? AND state_type=? AND state_name=? AND hour>? AND hour<?)"
    assert any(by_hour in step for step in rolled), rolled
    (_, edges) = uneven[-1]
    stretches = [step for step in edges if step.startswith("SEARCH flow_run ")]
    assert len(uneven) == 3 and stretches
    index = f"{'COVERING ' * only_counts}INDEX flow_run_expected (expected_start_time>? AND expected_start_time<?)"
    assert all(step.endswith(index) for step in stretches), stretches


def test_a_history_of_a_name_is_told_by_an_index_and_nothing_is_sorted(sqlite_store: Store) -> None:
    named = runs(name=f.NameCriterion(like_="x"), expected_start_time=WEEK)
    start = NOW - timedelta(days=7)
    ((_, plan),) = plans(
        sqlite_store, lambda conn: history.flow_runs(conn, named, start, NOW, 14_400, NOW, only_counts=True)
    )
    assert any("COVERING INDEX flow_run_expected (expected_start_time>? AND" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_old_runs_are_sought_by_their_flow_and_time_and_none_is_sorted(sqlite_store: Store) -> None:
    ((_, plan),) = plans(sqlite_store, lambda conn: retention.old_runs(conn, NOW, 100, 20))
    assert any("run USING INDEX flow_run_flow (flow_id=? AND expected_start_time<?)" in step for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan) and faults(plan) == [], plan


def test_what_agents_told_of_waiting_runs_is_sought_among_their_last_lines(sqlite_store: Store) -> None:
    """And not among the hundred thousand that a run may have from before it was started again."""
    ((_, plan),) = plans(sqlite_store, lambda conn: waiting.told_of(conn, {ID: NOW, OTHER: NOW}))
    assert any("log_flow_run (flow_run_id=? AND timestamp>?)" in step for step in plan), plan


def test_the_usual_times_of_deployments_stand_in_an_index(sqlite_store: Store) -> None:
    """Of fifty runs each of fifty deployments no row is looked at."""
    ((_, plan),) = plans(sqlite_store, lambda conn: console.usual_of_deployments(conn, [ID], 50, NOW))
    assert any("COVERING INDEX flow_run_deployment (deployment_id=? AND" in step for step in plan), plan


def test_a_page_reads_its_ids_from_an_index_alone(sqlite_store: Store) -> None:
    """Except by id, and by start: an index on an expression does not hold the columns that it is made of."""
    for sort in flow_runs.LISTING.sorts:
        (_, ids), *_ = plans(sqlite_store, lambda conn, s=sort: flow_runs.filter(conn, None, s, 200))
        alone = sort not in ("ID_DESC", "START_TIME_ASC", "START_TIME_DESC")
        assert ("COVERING INDEX" if alone else "INDEX") in ids[0] and len(ids) == 1, (sort, ids)


FILL = """
INSERT INTO flow (id, created, updated, name) VALUES ('f', now(), now(), 'f');
INSERT INTO deployment (id, created, updated, name, flow_id)
SELECT 'd' || i, now(), now(), 'd' || i, 'f' FROM generate_series(1, 200) AS i;
INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, state_type, state_name, work_queue_name,
    expected_start_time)
SELECT 'r' || i, now(), now(), 'r' || i, 'f', 'd' || (1 + i % 200), 'COMPLETED', 'Completed', 'q',
    TIMESTAMPTZ '2026-11-01' + i * INTERVAL '1 minute' FROM generate_series(1, 6000) AS i;
ANALYZE
"""


def looked_at(node: dict[str, Any]) -> float:
    """How many rows of runs a plan went over."""
    own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    below = sum(looked_at(each) for each in node.get("Plans", ()))
    return below + (own if node.get("Relation Name") == "flow_run" else 0)


@pytest.mark.postgres
def test_postgres_goes_over_no_more_runs_than_are_asked_for(tmp_path: Path) -> None:
    """Not over the last runs of every deployment for those of one, nor over all finished runs for those that wait."""
    busy = runs(state=kinds("PENDING", "RUNNING"), work_queue_name=f.TextCriterion(any_=["q"]))
    reads: dict[str, tuple[Read, int]] = {
        "last runs": (lambda conn: console.last_of_deployments(conn, ["d7"], 10, NOW), 10),
        "busy runs": (lambda conn: flow_runs.page(conn, busy, "NEXT_SCHEDULED_START_TIME_ASC", 50), 0),
    }

    def watch(conn: Conn, read: Read) -> float:
        execute, found = conn._execute, list[float]()  # type: ignore[attr-defined]

        def explained(sql: str, params: Any) -> Any:
            ((plan,),) = execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params).fetchall()
            found.append(looked_at(json.loads(plan)[0]["Plan"]))
            return execute(sql, params)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conn, "_execute", explained)
            read(conn)
        return sum(found)

    for url in fresh_database("postgres", tmp_path):
        store = open_store(url)
        store.write_now(lambda conn: [conn.run(text) for text in FILL.split(";")])
        for name, (read, most) in reads.items():
            assert store.read_now(watch, read) <= 2 * most, name
        store.close()
