"""Whatever a filter holds that parses: an answer or a refusal, never a fault of ours."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from orion.errors import Invalid
from orion.model import filters as f
from orion.model.filters import Filters
from orion.model.work_queues import WorkQueueCreate
from orion.store import Store, block_documents, flow_runs, history, logs, task_runs, work_queues
from tests.store.world import NOW, build

FIRST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-12)))


def runs(**criteria: Any) -> Filters:
    return Filters(flow_runs=f.FlowRunFilter(**criteria))


ODD: list[Filters] = [
    runs(name=f.NameCriterion(any_=["\x00", "a"])),
    runs(name=f.NameCriterion(any_=["\x00"])),
    runs(name=f.NameCriterion(like_="\x00")),
    runs(name=f.NameCriterion(not_any_=["'; DROP TABLE flow_run; --", "{listed:x}", ":c0", "%(c0)s"])),
    runs(name=f.NameCriterion(like_="\\")),
    runs(name=f.NameCriterion(like_="%" * 1000)),
    runs(tags=f.TagsCriterion(all_=["é\U0001f600"] * 500, any_=[""])),
    runs(id=f.IdCriterion(any_=["00000000-0000-4000-8000-000000000000"] * 1000)),
    runs(expected_start_time=f.TimeCriterion(after_=FIRST, before_=LAST)),
    runs(expected_start_time=f.TimeCriterion(after_=LAST, before_=FIRST)),
    Filters(deployments=f.DeploymentFilter(concurrency_limit=f.RangeCriterion(ge_=-(2**80), le_=2**80))),
]


@pytest.mark.parametrize("wanted", ODD, ids=range(len(ODD)))
def test_an_odd_filter_is_answered_or_refused(store: Store, wanted: Filters) -> None:
    store.write_now(build, runs=3)
    for read, args in (
        (flow_runs.filter, (None, 10)),
        (flow_runs.page, ("NAME_ASC", 10)),
        (flow_runs.count, ()),
        (task_runs.filter, (None, 10)),
        (history.flow_runs, (NOW, NOW + timedelta(hours=1), 60, NOW)),
        (history.lateness, (NOW,)),
    ):
        with contextlib.suppress(Invalid):
            store.read_now(read, wanted, *args)  # type: ignore[arg-type]
    assert store.read_now(flow_runs.count) == 3


def test_levels_beyond_what_a_database_can_count_are_answered_or_refused(store: Store) -> None:
    for level in (2**31, 2**63, 2**80, -(2**80)):
        with contextlib.suppress(Invalid):
            assert store.read_now(logs.filter, f.LogFilter(level=f.LevelCriterion(ge_=level)), None, 5) == []


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (FIRST, LAST, 1e9),
        (FIRST, FIRST, 1.0),
        (LAST, LAST, 1.0),
        (NOW, LAST, 1e300),
        (NOW, NOW - timedelta(days=1), 1.0),
        (datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), 1e7),
    ],
)
def test_an_odd_history_is_answered_or_refused(
    sqlite_store: Store, start: datetime, end: datetime, seconds: float
) -> None:
    for read in (history.flow_runs, history.task_runs):
        with contextlib.suppress(Invalid):
            found = sqlite_store.read_now(read, None, start, end, seconds, NOW)
            assert all(bucket.states == [] for bucket in found)


def test_a_long_list_is_not_too_deep_a_question(store: Store) -> None:
    names = [f"q{n}" for n in range(1000)]
    store.write_now(work_queues.create, WorkQueueCreate(name="q999x"), NOW)
    by_prefix = f.WorkQueueFilter(name=f.PrefixCriterion(startswith_=names))
    assert [queue.name for queue in store.read_now(work_queues.filter, by_prefix, 10)] == ["q999x"]
    able = f.BlockSchemaFilter(block_capabilities=f.TagsCriterion(all_=names))
    assert store.read_now(block_documents.count, None, None, able) == 0
