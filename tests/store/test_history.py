"""History, lateness and dots: the same numbers as counting the runs one by one, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orion.errors import Invalid
from orion.model import filters as f
from orion.model.filters import Filters
from orion.model.flow_runs import FlowRun, FlowRunUpdate
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.states import FINAL, HistoryBucket
from orion.store import Store, flow_runs, flows, history, migrate, open_store, rollup
from orion.store.base import Conn
from orion.store.dialect import Dialect
from orion.store.migrate import Step, steps
from tests.conftest import BOTH, fresh_database
from tests.counting import Counted
from tests.store.world import NOW, add_state, build

START = datetime(2026, 11, 23, 10, 0, 20, 500_000, tzinfo=UTC)
TAGS = (["red"], ["red", "tag:blue"], [], ["green"])
QUEUES = ("one", None, "two", "queue:three", "one")
KINDS = (
    ("COMPLETED", "Completed"),
    ("FAILED", "Failed"),
    ("COMPLETED", "Cached"),
    ("RUNNING", "Running"),
    ("SCHEDULED", "Late"),
)


def add_run(
    conn: Conn, flow_id: str, number: int, expected: datetime, deployment_id: str | None = None
) -> FlowRun:
    """A run that started 2.5 s late, and is counted in the roll-up when it is finished."""
    kind, name = KINDS[number % len(KINDS)]
    run = FlowRun(
        id=new_id(),
        created=expected,
        updated=expected,
        name=f"run-{number}",
        flow_id=flow_id,
        deployment_id=deployment_id,
        state_id=new_id(),
        state_type=kind,  # type: ignore[arg-type]
        state_name=name,
        expected_start_time=expected,
        start_time=None if kind == "SCHEDULED" else expected + timedelta(seconds=2.5),
        total_run_time=float(number),
        tags=TAGS[number % len(TAGS)],
        work_queue_name=QUEUES[number % len(QUEUES)],
    )
    flow_runs.insert(conn, run)
    run.state = add_state(conn, "flow_run", run, expected + timedelta(seconds=2.5))
    if kind in FINAL:
        facets = rollup.facets_of(run.work_queue_name, run.tags)
        rollup.count(
            conn, expected, (flow_id, deployment_id or "", kind, name), facets, 1, float(number), 2.5
        )
    return run


class Past:
    """Runs of three flows in a database, as the tests look at them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.flow_ids: list[str] = []
        self.runs: list[FlowRun] = []
        store.write_now(self._fill)

    def _fill(self, conn: Conn) -> None:
        self.flow_ids = [flows.create(conn, FlowCreate(name=name), NOW)[0].id for name in ("a", "b", "c")]
        for number in range(240):
            expected = START + timedelta(seconds=number * 41.25)
            deployment = self.flow_ids[0] if number % 3 else None
            self.runs.append(add_run(conn, self.flow_ids[number % 3], number, expected, deployment))


@pytest.fixture(scope="module", params=BOTH)
def past(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    for url in fresh_database(request.param, tmp_path_factory.mktemp("history")):
        store = open_store(url)
        yield Past(store)
        store.close()


def flat(buckets: list[HistoryBucket]) -> dict[tuple[datetime, str, str], tuple[int, float, float]]:
    return {
        (bucket.interval_start, state.state_type, state.state_name): (
            state.count_runs,
            round(state.sum_estimated_run_time, 3),
            round(state.sum_estimated_lateness, 3),
        )
        for bucket in buckets
        for state in bucket.states
    }


def numbers(buckets: list[HistoryBucket]) -> dict[tuple[datetime, str, str], int]:
    return {key: count for key, (count, _, _) in flat(buckets).items()}


def one_by_one(runs: list[FlowRun], start: datetime, end: datetime, seconds: float, now: datetime) -> Any:
    counts: Counter[Any] = Counter()
    times: Counter[Any] = Counter()
    lates: Counter[Any] = Counter()
    step = timedelta(seconds=seconds)
    last = start + -((start - end) // step) * step
    for run in runs:
        assert run.expected_start_time and run.state
        if not start <= run.expected_start_time < last:
            continue
        place = (run.expected_start_time - start) // step
        key = (start + place * step, run.state_type, run.state_name)
        since = now - run.state.timestamp if run.state_type == "RUNNING" else timedelta(0)
        late = (run.start_time or now) - run.expected_start_time
        counts[key] += 1
        times[key] += run.total_run_time + max(since, timedelta(0)).total_seconds()
        lates[key] += max(late, timedelta(0)).total_seconds()
    return {key: (counts[key], round(times[key], 3), round(lates[key], 3)) for key in counts}


lengths = st.sampled_from([1, 7.5, 30, 60, 61, 90, 300, 3600, 5400, 7201, 86400])
spans = st.tuples(st.integers(-300, 300), st.integers(0, 9000), lengths)


@pytest.mark.row("API-18")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(span=spans, aligned=st.booleans(), which=st.integers(0, 12), few=st.sampled_from([0, 50, 2000]))
def test_history_counts_as_one_by_one(
    past: Past, span: tuple[int, int, float], aligned: bool, which: int, few: int
) -> None:
    offset, length, seconds = span
    start = (rollup.minute(START) if aligned else START) + timedelta(seconds=offset)
    end = start + timedelta(seconds=min(length, seconds * 2000))
    now = START + timedelta(hours=1)
    wanted, kept = choice(past, which)
    with pytest.MonkeyPatch.context() as patch:  # of few runs the rows are read, of many the roll-ups
        patch.setattr(history, "FEW", few)
        found = past.store.read_now(history.flow_runs, wanted, start, end, seconds, now)
    assert flat(found) == one_by_one(kept, start, end, seconds, now)
    counted = past.store.read_now(history.flow_runs, wanted, start, end, seconds, now, only_counts=True)
    assert numbers(counted) == numbers(found)
    assert len(found) == -((start - end) // timedelta(seconds=seconds))
    assert all(bucket.interval_end - bucket.interval_start == timedelta(seconds=seconds) for bucket in found)


moments = st.lists(st.integers(-20_000, 300_000), min_size=4, max_size=4, unique=True)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(edges=moments, which=st.integers(0, 12), few=st.sampled_from([0, 2000]))
def test_the_numbers_of_two_stretches_are_those_of_their_runs_and_cost_no_more_statements(
    past: Past, edges: list[int], which: int, few: int
) -> None:
    a, b, c, d = (START + timedelta(seconds=edge / 20) for edge in sorted(edges))
    wanted, kept = choice(past, which)
    now = START + timedelta(hours=1)

    def read(conn: Conn) -> tuple[Counter[tuple[str, str]], int]:
        counted = Counted(conn)
        return history.numbers(counted, wanted, [(a, b), (c, d)], now), counted.count  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FEW", few)
        found, statements = past.store.read_now(read)
    meant = [run for run in kept if (at := run.expected_start_time) and (a <= at < b or c <= at < d)]
    assert +found == Counter((run.state_type, run.state_name) for run in meant)
    assert statements <= 5, "whether they are few, hours, minutes, and the rows of ended and of live runs"


def choice(past: Past, which: int) -> tuple[Filters | None, list[FlowRun]]:
    """A filter, and the runs that it leaves: some the roll-up can answer, some it cannot."""
    after, before = START + timedelta(seconds=500), START + timedelta(seconds=41.25 * 100)
    match which:
        case 0:
            return None, past.runs
        case 1:
            wanted = Filters(flows=f.FlowFilter(name=f.NameCriterion(any_=["b"])))
            return wanted, [run for run in past.runs if run.flow_id == past.flow_ids[1]]
        case 2:
            kinds = f.StateCriterion(type=f.StateTypeCriterion(any_=["COMPLETED", "RUNNING"]))
            wanted = Filters(flow_runs=f.FlowRunFilter(state=kinds))
            return wanted, [run for run in past.runs if run.state_type in ("COMPLETED", "RUNNING")]
        case 3:
            time = f.TimeCriterion(after_=after, before_=before)
            wanted = Filters(flow_runs=f.FlowRunFilter(expected_start_time=time))
            kept = [
                run
                for run in past.runs
                if run.expected_start_time and after <= run.expected_start_time <= before
            ]
            return wanted, kept
        case 4:
            wanted = Filters(flow_runs=f.FlowRunFilter(deployment_id=f.NullableIdCriterion(is_null_=True)))
            return wanted, [run for run in past.runs if run.deployment_id is None]
        case 5:
            wanted = Filters(flows=f.FlowFilter(id=f.IdCriterion(any_=[past.flow_ids[1]])))
            return wanted, [run for run in past.runs if run.flow_id == past.flow_ids[1]]
        case 6:
            red = f.TagsCriterion(all_=["red"])
            wanted = Filters(flow_runs=f.FlowRunFilter(tags=red))
            return wanted, [run for run in past.runs if "red" in run.tags]
        case 7:
            time, blue = f.TimeCriterion(after_=after, before_=before), f.TagsCriterion(any_=["tag:blue"])
            kinds = f.StateCriterion(type=f.StateTypeCriterion(any_=["COMPLETED", "SCHEDULED"]))
            wanted = Filters(flow_runs=f.FlowRunFilter(tags=blue, expected_start_time=time, state=kinds))
            return wanted, [
                run
                for run in past.runs
                if "tag:blue" in run.tags
                and run.state_type in ("COMPLETED", "SCHEDULED")
                and run.expected_start_time
                and after <= run.expected_start_time <= before
            ]
        case 8:
            queues = f.TextCriterion(any_=["one", "queue:three", "nobody"])
            wanted = Filters(flow_runs=f.FlowRunFilter(work_queue_name=queues))
            return wanted, [run for run in past.runs if run.work_queue_name in ("one", "queue:three")]
        case 9:
            both = f.FlowRunFilter(
                tags=f.TagsCriterion(all_=["red"]), work_queue_name=f.TextCriterion(any_=["one"])
            )
            return Filters(flow_runs=both), [
                run for run in past.runs if "red" in run.tags and run.work_queue_name == "one"
            ]
        case 10:
            either = f.FlowRunFilter(
                operator="or_",
                tags=f.TagsCriterion(all_=["green"]),
                state=f.StateCriterion(type=f.StateTypeCriterion(any_=["FAILED"])),
            )
            return Filters(flow_runs=either), [
                run for run in past.runs if "green" in run.tags or run.state_type == "FAILED"
            ]
        case 11:
            wanted = Filters(
                flows=f.FlowFilter(name=f.NameCriterion(any_=["b"])),
                flow_runs=f.FlowRunFilter(tags=f.TagsCriterion(any_=["red", "green"])),
            )
            return wanted, [run for run in past.runs if run.flow_id == past.flow_ids[1] and run.tags]
        case _:
            wanted = Filters(flow_runs=f.FlowRunFilter(name=f.NameCriterion(like_="run-1")))
            return wanted, [run for run in past.runs if run.name.startswith("run-1")]


def test_runs_found_by_name_are_counted_by_their_states_whatever_these_are_called(
    sqlite_store: Store,
) -> None:
    """A name with a NUL looks like two where all are told in one text."""
    past, hours = Past(sqlite_store), (START, START + timedelta(hours=3))
    for number, name in ((1, "odd\0COMPLETED Completed"), (5, "two words"), (10, "")):
        text, values = "UPDATE flow_run SET state_name = :name WHERE id = :id", {"id": past.runs[number].id}
        sqlite_store.write_now(lambda conn, s=text, v={**values, "name": name}: conn.run(s, v))
    named = Filters(flow_runs=f.FlowRunFilter(name=f.NameCriterion(like_="run-")))

    def read(only_counts: bool) -> dict[tuple[datetime, str, str], int]:
        found = sqlite_store.read_now(history.flow_runs, named, *hours, 3600, NOW, only_counts=only_counts)
        return numbers(found)

    assert read(True) == read(False)
    assert {"odd\0COMPLETED Completed", "two words", ""} <= {name for _, _, name in read(True)}


@pytest.mark.row("API-18")
def test_empty_intervals_are_there(store: Store) -> None:
    found = store.read_now(history.flow_runs, None, START, START + timedelta(minutes=10), 60, NOW)
    assert [bucket.states for bucket in found] == [[]] * 10
    assert found[0].interval_start == START and found[-1].interval_end == START + timedelta(minutes=10)


@pytest.mark.row("API-18")
def test_an_interval_under_a_second_and_too_many_intervals_are_refused(sqlite_store: Store) -> None:
    with pytest.raises(Invalid, match="at least 1"):
        sqlite_store.read_now(history.flow_runs, None, START, NOW, 0.5, NOW)
    with pytest.raises(Invalid, match="at most"):
        sqlite_store.read_now(history.flow_runs, None, START, START + timedelta(days=2), 1, NOW)


def test_a_deleted_run_leaves_the_history(store: Store) -> None:
    past = Past(store)

    def counted() -> int:
        found = store.read_now(history.flow_runs, None, START, START + timedelta(days=1), 86400, NOW)
        return sum(state.count_runs for bucket in found for state in bucket.states)

    assert counted() == 240
    store.write_now(flow_runs.delete, past.runs[0].id)
    store.write_now(flow_runs.delete, past.runs[3].id)
    assert counted() == 238
    store.write_now(flows.delete, past.flow_ids[1])
    assert counted() == 158
    assert store.read_now(by_hour) == store.read_now(minutes_by_hour)
    gone = {
        past.runs[0].id,
        past.runs[3].id,
        *(run.id for run in past.runs if run.flow_id == past.flow_ids[1]),
    }
    assert store.read_now(by_facet) == of_facets([run for run in past.runs if run.id not in gone])
    left = next(
        run for run in past.runs if run.id not in gone and run.tags == ["red"] and run.state_type in FINAL
    )
    left.tags = ["red", "new"]
    store.write_now(flow_runs.update, left.id, FlowRunUpdate(tags=left.tags), NOW)
    assert store.read_now(by_facet) == of_facets([run for run in past.runs if run.id not in gone])
    left.tags = []
    store.write_now(flow_runs.update, left.id, FlowRunUpdate(tags=left.tags), NOW)
    assert store.read_now(by_facet) == of_facets([run for run in past.runs if run.id not in gone])
    new = "SELECT count(*) FROM flow_run_facet_hour WHERE facet = 'tag:new'"
    assert store.read_now(lambda conn: conn.one(new)) == (0,), "a tag that no run has any more leaves nothing"


def by_facet(conn: Conn) -> dict[tuple[Any, ...], tuple[int, float]]:
    """What is counted of each tag and queue."""
    rows = conn.all(
        "SELECT facet, state_type, state_name, hour, sum(n), sum(run_time), sum(lateness) "
        "FROM flow_run_facet_hour GROUP BY 1, 2, 3, 4"
    )
    assert all(round(late, 3) == 2.5 * int(n) for *_, n, _, late in rows)
    return {
        (facet, kind, name, conn.when(hour)): (int(n), round(time, 3))
        for facet, kind, name, hour, n, time, _ in rows
        if n
    }


def of_facets(runs: list[FlowRun]) -> dict[tuple[Any, ...], tuple[int, float]]:
    """The same, counted one by one."""
    found: dict[tuple[Any, ...], tuple[int, float]] = {}
    for run in runs:
        assert run.expected_start_time
        hour = rollup.minute(run.expected_start_time).replace(minute=0)
        for facet in rollup.facets_of(run.work_queue_name, run.tags) if run.state_type in FINAL else ():
            n, time = found.get((facet, run.state_type, run.state_name, hour), (0, 0.0))
            found[facet, run.state_type, run.state_name, hour] = (n + 1, time + run.total_run_time)
    return found


Hours = dict[tuple[str, str, datetime], tuple[int, float, float]]


def by_hour(conn: Conn) -> Hours:
    return added(conn, "SELECT state_type, state_name, hour, n, run_time, lateness FROM flow_run_hour")


def minutes_by_hour(conn: Conn) -> Hours:
    return added(conn, "SELECT state_type, state_name, minute, n, run_time, lateness FROM flow_run_minute")


def added(conn: Conn, text: str) -> Hours:
    """The sums of a roll-up by state and hour."""
    sums: dict[tuple[str, str, datetime], list[float]] = {}
    for kind, name, time, *numbers in conn.all(text):
        at = conn.when(time)
        assert at is not None
        one = sums.setdefault((kind, name, at.replace(minute=0)), [0, 0.0, 0.0])
        one[:] = [old + more for old, more in zip(one, numbers, strict=True)]
    return {key: (int(n), round(run, 3), round(late, 3)) for key, (n, run, late) in sums.items() if n}


def test_an_upgrade_counts_by_hour_what_was_counted_by_minute(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before 1970, where whole hours of microseconds are negative."""
    moments = [
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        *(START + timedelta(minutes=13 * n) for n in range(30)),
    ]

    def fill(conn: Conn) -> None:
        for at in moments:
            rollup.count(conn, at, (new_id(), "", "COMPLETED", "Completed"), [], 1, 2.5, 0.25)

    with monkeypatch.context() as older:
        older.setattr(migrate, "steps", steps_until(9))
        store = open_store(empty_url)
        store.write_now(fill)
        store.close()
    store = open_store(empty_url)
    hours = store.read_now(by_hour)
    store.write_now(fill)
    assert store.read_now(by_hour) == {
        key: (2 * n, 2 * run, 2 * late) for key, (n, run, late) in hours.items()
    }
    assert store.read_now(by_hour) == store.read_now(minutes_by_hour)
    store.close()
    assert sum(n for n, _, _ in hours.values()) == len(moments)


def steps_until(number: int) -> Callable[[Dialect], tuple[Step, ...]]:
    """The steps of the schema that an older server knew."""
    known: dict[Dialect, tuple[Step, ...]] = {
        dialect: tuple(step for step in steps(dialect) if step.number <= number)
        for dialect in ("sqlite", "postgres")
    }
    return known.__getitem__


def test_an_upgrade_counts_the_runs_of_each_tag_and_queue(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(migrate, "steps", steps_until(10))
        older.setattr(rollup, "count", lambda *_: None)
        store = open_store(empty_url)
        past = Past(store)
        store.close()
    store = open_store(empty_url)
    found = store.read_now(by_facet)
    store.close()
    assert found == of_facets(past.runs) and len(found) > 10


def test_a_long_history_reads_hours_and_the_minutes_at_its_edges(past: Past) -> None:
    """An hour that is wrong is seen where a whole hour is asked for, and nowhere else."""
    start = START.replace(minute=0, second=0, microsecond=0)

    def runs(first: datetime, last: datetime, wanted: Filters | None = None) -> int:
        seconds = (last - first).total_seconds()
        found = past.store.read_now(history.flow_runs, wanted, first, last, seconds, NOW)
        return sum(state.count_runs for bucket in found for state in bucket.states)

    true = runs(start, start + timedelta(hours=2))
    of_all_flows = Filters(flows=f.FlowFilter(name=f.NameCriterion(any_=["a", "b", "c"])))
    change = "UPDATE flow_run_hour SET n = n + 1000 * :by WHERE state_name = 'Completed' AND hour = :hour"

    def spoil(by: int) -> None:
        past.store.write_now(lambda conn: conn.run(change, {"by": by, "hour": conn.time(start)}))

    spoil(1)
    try:
        assert runs(start, start + timedelta(hours=2)) == true + 1000
        half = timedelta(minutes=30)
        assert runs(start + half, start + half + timedelta(hours=1)) < 1000
        assert runs(start, start + timedelta(hours=2), of_all_flows) == true
    finally:
        spoil(-1)


@pytest.mark.row("API-18")
def test_task_runs_have_a_history(store: Store) -> None:
    world = store.write_now(build)
    start, end = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    found = store.read_now(history.task_runs, None, start, end, 600, NOW)
    dated = [run for run in world.task_runs if run.expected_start_time is not None]
    assert sum(state.count_runs for bucket in found for state in bucket.states) == len(dated) > 0
    only = Filters(task_runs=f.TaskRunFilter(name=f.NameCriterion(any_=["alpha"])))
    some = store.read_now(history.task_runs, only, start, end, 600, NOW)
    assert sum(state.count_runs for bucket in some for state in bucket.states) == sum(
        run.name == "alpha" for run in dated
    )


def test_lateness_is_the_average_over_the_runs(store: Store) -> None:
    assert store.read_now(history.lateness, None, NOW) is None
    past = Past(store)
    now = START + timedelta(seconds=41.25 * 300)
    waits = [
        ((run.start_time or now) - (run.expected_start_time or now)).total_seconds() for run in past.runs
    ]
    assert store.read_now(history.lateness, None, now) == pytest.approx(sum(waits) / len(waits))


@pytest.mark.row("API-19")
def test_dots_tell_when_how_long_and_how_late(store: Store) -> None:
    past = Past(store)
    now = START + timedelta(hours=4)
    newest = past.runs[-1]
    dots = store.read_now(history.dots, None, None, 1000, 0, now)
    assert [dot.id for dot in dots] == [run.id for run in reversed(past.runs)]
    late = next(dot for dot in dots if dot.id == newest.id)
    assert late.state_type == "SCHEDULED" and late.timestamp == newest.expected_start_time
    assert late.lateness == pytest.approx((now - late.timestamp).total_seconds())
    done = next(dot for dot in dots if dot.id == past.runs[236].id)
    assert (done.state_type, done.duration, done.lateness) == ("FAILED", 236.0, 2.5)
    assert done.timestamp == past.runs[236].start_time
