"""Logs in the store: batches all or nothing, numbered lines once, read in the order they were written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.errors import Invalid
from orion.model.filters import LevelCriterion, LogFilter, LogText, NullableIdCriterion, TimeCriterion
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.store import Store, logs
from orion.store.log_quota import Quota
from tests.store.world import NOW

RUN, TASK = new_id(), new_id()


def line(number: int, **fields: object) -> LogCreate:
    given = {"level": 20, "timestamp": NOW, "flow_run_id": RUN} | fields
    return LogCreate(name="orion.flow_runs", message=f"line {number}", **given)  # type: ignore[arg-type]


def messages(store: Store, criteria: LogFilter | None = None, sort: str | None = None) -> list[str]:
    return [each.message for each in store.read_now(logs.filter, criteria, sort, 200)]


@pytest.mark.row("LOG-02")
@pytest.mark.row("LOG-09")
def test_lines_are_read_by_time_and_lines_of_one_moment_as_they_were_written(store: Store) -> None:
    store.write_now(logs.insert, [line(n) for n in range(5)], NOW)
    store.write_now(logs.insert, [line(9, timestamp=NOW - timedelta(seconds=1)), line(5)], NOW)
    assert messages(store) == [f"line {n}" for n in (9, 0, 1, 2, 3, 4, 5)]
    assert messages(store, sort="TIMESTAMP_DESC") == [f"line {n}" for n in (5, 4, 3, 2, 1, 0, 9)]
    first = store.read_now(logs.filter, None, "TIMESTAMP_DESC", 1)[0]
    assert (first.name, first.level, first.timestamp, first.flow_run_id) == ("orion.flow_runs", 20, NOW, RUN)
    assert first.created == first.updated == NOW


def test_a_numbered_line_is_kept_once_and_others_as_they_come(store: Store) -> None:
    source = new_id()
    numbered = [line(n, source=source, seq=n) for n in range(4)]
    for batch in (numbered[:3], numbered, numbered[2:], [line(0, source=new_id(), seq=0)]):
        store.write_now(logs.insert, batch, NOW)
    assert sorted(messages(store)) == ["line 0", "line 0", "line 1", "line 2", "line 3"]
    store.write_now(logs.insert, [line(7), line(7)], NOW)
    assert store.read_now(logs.count) == 7


def test_a_batch_with_a_line_that_cannot_be_kept_keeps_none(store: Store) -> None:
    broken = LogCreate(name="n", level=20, message="half \ud800", timestamp=NOW, flow_run_id=RUN)
    with pytest.raises(Invalid):
        store.write_now(logs.insert, [line(1), broken, line(2)], NOW)
    assert store.read_now(logs.count) == 0


@pytest.mark.row("API-14")
def test_lines_are_filtered_by_level_time_run_and_text(store: Store) -> None:
    lines = [line(n, level=n * 10, timestamp=NOW + timedelta(seconds=n)) for n in range(6)]
    other = [line(7, flow_run_id=None, task_run_id=TASK), line(8, flow_run_id=new_id(), task_run_id=TASK)]
    store.write_now(logs.insert, [*lines, *other], NOW)
    of_run = NullableIdCriterion(any_=[RUN])

    def found(**criteria: object) -> list[str]:
        return [message[5:] for message in messages(store, LogFilter(**criteria))]  # type: ignore[arg-type]

    assert found(flow_run_id=of_run) == ["0", "1", "2", "3", "4", "5"]
    assert found(flow_run_id=of_run, level=LevelCriterion(ge_=20, le_=40)) == ["2", "3", "4"]
    within = TimeCriterion(after_=NOW + timedelta(seconds=4), before_=NOW + timedelta(seconds=5))
    assert found(timestamp=within) == ["4", "5"]
    assert found(task_run_id=NullableIdCriterion(any_=[TASK])) == ["7", "8"]
    assert found(task_run_id=NullableIdCriterion(is_null_=True), level=LevelCriterion(ge_=50)) == ["5"]
    assert found(
        operator="or_", flow_run_id=NullableIdCriterion(is_null_=True), level=LevelCriterion(le_=0)
    ) == ["0", "7"]
    assert found(text=LogText(query="LINE 3")) == ["3"] and found(text=LogText(query="%")) == []


@pytest.mark.row("API-16")
def test_lines_are_sorted_by_level_and_by_run(store: Store) -> None:
    runs = sorted((new_id() for _ in range(5)), reverse=True)  # the first line is of the last run
    store.write_now(logs.insert, [line(n, level=(n * 7) % 5, flow_run_id=runs[n]) for n in range(5)], NOW)
    assert messages(store, sort="LEVEL_ASC") == [f"line {n}" for n in (0, 3, 1, 4, 2)]
    assert messages(store, sort="LEVEL_DESC") == [f"line {n}" for n in (2, 4, 1, 3, 0)]
    assert messages(store, sort="FLOW_RUN_ID_ASC") == [f"line {n}" for n in (4, 3, 2, 1, 0)]
    assert messages(store, sort="FLOW_RUN_ID_DESC") == [f"line {n}" for n in range(5)]
    store.write_now(logs.insert, [line(9 - n, level=50, task_run_id=runs[n]) for n in (0, 1, 2)], NOW)
    assert messages(store, LogFilter(level=LevelCriterion(ge_=50)), sort="TASK_RUN_ID_ASC") == [
        f"line {n}" for n in (7, 8, 9)
    ]
    assert messages(store, LogFilter(level=LevelCriterion(ge_=50)), sort="TASK_RUN_ID_DESC") == [
        f"line {n}" for n in (9, 8, 7)
    ]


def test_pages_by_key_go_through_lines_of_one_moment(store: Store) -> None:
    store.write_now(logs.insert, [line(n) for n in range(25)], NOW)
    found: list[str] = []
    key = None
    while key is not None or not found:
        rows, key = store.read_now(logs.page, None, "TIMESTAMP_ASC", 10, key)
        found += [each.message for each in rows]
    assert found == [f"line {n}" for n in range(25)]


def kept(store: Store, run: str) -> list[str]:
    return messages(store, LogFilter(flow_run_id=NullableIdCriterion(any_=[run])))


@pytest.mark.parametrize("quota", [Quota(3, 0), Quota(0, 18), Quota(3, 18)])
def test_what_a_run_writes_beyond_its_quota_is_cut_and_one_line_says_so(store: Store, quota: Quota) -> None:
    flood, quiet = new_id(), new_id()
    for start in (0, 2, 4, 6):
        batch = [line(start + n, flow_run_id=flood) for n in range(2)]
        store.write_now(logs.insert, batch, NOW + timedelta(seconds=start), quota)
    store.write_now(logs.insert, [line(0, flow_run_id=quiet), line(1, flow_run_id=None)], NOW, quota)
    *first, mark = kept(store, flood)
    assert first == ["line 0", "line 1", "line 2"]
    assert mark.startswith("This run has written more than ") and "ORION_LOGGING_RUN_LINES" in mark
    assert kept(store, quiet) == ["line 0"]


def test_lines_that_are_sent_again_use_no_quota(store: Store) -> None:
    run, source = new_id(), new_id()
    batch = [line(n, flow_run_id=run, source=source, seq=n) for n in range(4)]
    for _ in range(3):
        store.write_now(logs.insert, batch, NOW, Quota(5, 0))
    store.write_now(logs.insert, [line(4, flow_run_id=run, source=source, seq=4)], NOW, Quota(5, 0))
    assert kept(store, run) == [f"line {n}" for n in range(5)]
