"""Any filter that parses selects the same rows as a slow reading of the grammar, on both databases."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from orion.model import filters as f
from orion.model import wire
from orion.model.filters import Filters
from orion.store import Store, deployments, flow_runs, flows, open_store, task_runs, work_queues
from orion.store.base import Conn
from orion.store.conditions import Literal
from tests.conftest import BOTH, fresh_database
from tests.store import world as worlds
from tests.store.oracle import Oracle

FEW = settings(max_examples=35, deadline=None, suppress_health_check=list(HealthCheck))
KEYS, NUMBERED = [f"key-{n}" for n in range(40)], [f"{word}{n}" for word in worlds.NAMES for n in range(8)]
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module", params=BOTH)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, Oracle]]:
    """A database with a world in it, and its oracle; read only, so one for all examples."""
    folder: Path = tmp_path_factory.mktemp("filters")
    for url in fresh_database(request.param, folder):
        store = open_store(url)
        world = store.write_now(worlds.build)
        yield store, Oracle(world)
        store.close()


def ids_in(oracle: Oracle) -> list[str]:
    world = oracle.world
    rows: list[Any] = [*world.flows, *world.deployments, *world.queues, *world.flow_runs, *world.task_runs]
    return [row.id for row in rows]


def criteria(kind: Any, ids: list[str]) -> st.SearchStrategy[Any]:
    """Any value of a filter struct, with words and ids that are likely to be met."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        fields = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{name: st.none() | criteria(hint, ids) for name, hint in fields.items()})
    if typing.get_origin(kind) in (UnionType, typing.Union):
        return criteria(next(part for part in typing.get_args(kind) if part is not type(None)), ids)
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if typing.get_origin(kind) is list:
        part = st.sampled_from(typing.get_args(typing.get_args(kind)[0]))
        return st.lists(part, max_size=3)
    if kind is f.Ids:
        return st.lists(st.sampled_from([*ids, NOBODY]), max_size=3) | st.just(ids)
    words = [
        *worlds.NAMES,
        *worlds.TAGS,
        *worlds.QUEUES,
        "1",
        "Late",
        "key-3",
        "alpha0",
        "default-agent-pool",
    ]
    texts = st.sampled_from(words)
    if kind is f.Texts:
        return st.lists(texts, max_size=3)
    if kind is f.Like:
        return texts | st.sampled_from(["", "%", "_", "A", "l%a", "\\", "%'", "e_t", "ALP"])
    simple: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(0, 6),
        datetime: st.integers(-20, 20).map(lambda step: worlds.NOW + timedelta(seconds=step * 30.25)),
    }
    return simple[kind]


def filters_of(oracle: Oracle, *, pools: bool) -> st.SearchStrategy[Filters]:
    ids = ids_in(oracle)
    kinds: dict[str, Any] = {
        "flows": f.FlowFilter,
        "flow_runs": f.FlowRunFilter,
        "task_runs": f.TaskRunFilter,
        "deployments": f.DeploymentFilter,
    }
    if pools:
        kinds |= {"work_pools": f.WorkPoolFilter, "work_pool_queues": f.WorkQueueFilter}
    sparse = {name: st.none() | st.none() | few(kind, ids) for name, kind in kinds.items()}
    return st.builds(Filters, **sparse)


def few(kind: Any, ids: list[str]) -> st.SearchStrategy[Any]:
    """A filter of one to three criteria, since one of all criteria meets nothing."""
    hints = typing.get_type_hints(kind, include_extras=True)
    del hints["operator"]
    chosen = st.lists(st.sampled_from(sorted(hints)), min_size=0, max_size=3, unique=True)
    operators = st.sampled_from([None, "and_", "or_"])
    return chosen.flatmap(
        lambda names: st.builds(
            kind, operator=operators, **{name: criteria(hints[name], ids) for name in names}
        )
    )


def agree(store: Store, module: Any, wanted: Filters, expected: set[str]) -> None:
    """The list, the count and the pages by key tell the rows that the oracle tells."""
    body = wire.encode(wanted)
    assume(wire.decode(body, Filters) == wanted)

    def ask(conn: Conn) -> tuple[list[str], int, list[str]]:
        listed = [row.id for row in module.filter(conn, wanted, None, 200)]
        paged: list[str] = []
        key = None
        while key is not None or not paged:
            rows, key = module.page(conn, wanted, None, 7, key)
            paged += [row.id for row in rows]
            if not rows:
                break
        return listed, module.count(conn, wanted), paged

    listed, number, paged = store.read_now(ask)
    assert set(listed) == expected
    assert number == len(listed) == len(expected)
    assert paged == listed


@pytest.mark.row("API-08")
@pytest.mark.row("API-09")
@pytest.mark.row("API-10")
@FEW
@given(data=st.data())
def test_any_filter_of_flows_selects_what_the_grammar_says(
    filled: tuple[Store, Oracle], data: st.DataObject
) -> None:
    store, oracle = filled
    wanted = data.draw(filters_of(oracle, pools=False))
    agree(store, flows, wanted, oracle.flows(wanted))


@pytest.mark.row("API-08")
@pytest.mark.row("API-09")
@pytest.mark.row("API-11")
@pytest.mark.row("API-17")
@FEW
@given(data=st.data())
def test_any_filter_of_flow_runs_selects_what_the_grammar_says(
    filled: tuple[Store, Oracle], data: st.DataObject
) -> None:
    store, oracle = filled
    wanted = data.draw(filters_of(oracle, pools=True))
    agree(store, flow_runs, wanted, oracle.flow_runs(wanted))


@pytest.mark.row("API-08")
@pytest.mark.row("API-09")
@pytest.mark.row("API-12")
@FEW
@given(data=st.data())
def test_any_filter_of_task_runs_selects_what_the_grammar_says(
    filled: tuple[Store, Oracle], data: st.DataObject
) -> None:
    store, oracle = filled
    wanted = data.draw(filters_of(oracle, pools=False))
    agree(store, task_runs, wanted, oracle.task_runs(wanted))


@pytest.mark.row("API-08")
@pytest.mark.row("API-09")
@pytest.mark.row("API-13")
@FEW
@given(data=st.data())
def test_any_filter_of_deployments_selects_what_the_grammar_says(
    filled: tuple[Store, Oracle], data: st.DataObject
) -> None:
    store, oracle = filled
    wanted = data.draw(filters_of(oracle, pools=True))
    agree(store, deployments, wanted, oracle.deployments(wanted))


def alone(kind: Any, ids: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """Every single criterion that a filter struct can hold, by its path, with some values of it."""
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if name == "operator":
            continue
        part = next(part for part in typing.get_args(hint) if part is not type(None))
        if isinstance(part, type) and issubclass(part, Struct):
            for path, values in alone(part, ids):
                yield f"{name}.{path}", [part(**{path.partition(".")[0]: value}) for value in values]
        else:
            yield name, [ids[::3]] if name == "startswith_" else values_of(part, ids)


NEVER_NULL = ("expected_start_time.is_null_", "work_queue_name.is_null_")  # of a flow run, and of a deployment


def values_of(kind: Any, ids: list[str]) -> list[Any]:
    words = sorted({*worlds.NAMES, *worlds.TAGS, *worlds.QUEUES, "1", "Late", "Running", *KEYS, *NUMBERED})
    if typing.get_origin(kind) is list:
        return [["SCHEDULED", "FAILED"]]
    known: dict[Any, list[Any]] = {
        f.Ids: [ids[::3], ids[1::3], ids[2::3]],
        f.Texts: [["a"], words[::2], ["be_ta", "a"]],
        f.Like: ["a", "1"],
        bool: [True, False],
        int: [1, 3],
        datetime: [worlds.NOW],
    }
    return known[kind]


@pytest.mark.row("API-10")
@pytest.mark.row("API-11")
@pytest.mark.row("API-12")
@pytest.mark.row("API-13")
@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "kind", "module", "wanted"),
    [
        ("flows", f.FlowFilter, flows, "id name tags"),
        (
            "flow_runs",
            f.FlowRunFilter,
            flow_runs,
            "id name tags deployment_id state flow_version start_time expected_start_time next_scheduled_start_time "
            "parent_task_run_id",
        ),
        ("task_runs", f.TaskRunFilter, task_runs, "id name tags state start_time subflow_runs"),
        ("deployments", f.DeploymentFilter, deployments, "id name tags is_schedule_active"),
    ],
)
def test_every_criterion_by_itself_selects_what_the_grammar_says(
    filled: tuple[Store, Oracle], name: str, kind: Any, module: Any, wanted: str
) -> None:
    """And parts the rows: one that all rows meet, or none, would prove nothing."""
    assert set(wanted.split()) <= set(kind.__struct_fields__)
    store, oracle = filled
    everybody = getattr(oracle, name)(Filters())

    def ask(conn: Conn) -> None:
        for path, values in alone(kind, ids_in(oracle)):
            parted = False
            for value in values:
                asked = Filters(**{name: kind(**{path.partition(".")[0]: value})})
                expected = getattr(oracle, name)(asked)
                assert {row.id for row in module.filter(conn, asked, None, 200)} == expected, (path, value)
                parted = parted or 0 < len(expected) < len(everybody)
            assert parted or path in NEVER_NULL, f"{path} parts nothing"

    store.read_now(ask)


@FEW
@given(data=st.data())
def test_a_condition_that_many_rows_meet_selects_the_same_rows(
    filled: tuple[Store, Oracle], data: st.DataObject
) -> None:
    """With the limit at one row, every condition counts as common and is written the other way."""
    store, oracle = filled
    wanted = data.draw(filters_of(oracle, pools=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orion.store.conditions.QUICKLY_SORTED", 1)
        agree(store, flow_runs, wanted, oracle.flow_runs(wanted))


def test_what_a_person_types_is_searched_as_it_is(filled: tuple[Store, Oracle]) -> None:
    store, oracle = filled

    def found(text: str) -> set[str]:
        wanted = Filters(flow_runs=f.FlowRunFilter(name=f.NameCriterion(like_=Literal(text))))
        return {run.name for run in store.read_now(flow_runs.filter, wanted, None, 200)}

    assert found("%") == {name for name in worlds.NAMES if "%" in name} & names(oracle)
    assert found("E_TA") == {"be_ta"} & names(oracle)
    assert found("\\") == {"back\\slash"} & names(oracle)


def names(oracle: Oracle) -> set[str]:
    return {run.name for run in oracle.world.flow_runs}


def test_queues_are_found_by_name_and_by_prefix(filled: tuple[Store, Oracle]) -> None:
    store, _ = filled

    def found(criterion: f.PrefixCriterion) -> list[str]:
        return [
            queue.name for queue in store.read_now(work_queues.filter, f.WorkQueueFilter(name=criterion), 200)
        ]

    assert found(f.PrefixCriterion(startswith_=["n", "def"])) == ["default", "nightly"]
    assert found(f.PrefixCriterion(startswith_=["be%"])) == []
    assert found(f.PrefixCriterion(any_=["be_ta", "gone"])) == ["be_ta"]
