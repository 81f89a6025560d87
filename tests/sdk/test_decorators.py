"""The decorators: defaults, options, copies, identity."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import pytest

import orion
from orion import ConcurrentTaskRunner, SequentialTaskRunner, exponential_backoff, flow, task
from orion.sdk.naming import task_key


@pytest.mark.row("SDK-01")
def test_a_flow_has_the_name_version_and_description_of_its_function() -> None:
    @flow
    def load_all(x: int) -> int:
        """Loads all."""
        return x

    assert load_all.name == "load-all"
    assert load_all.description == "Loads all."
    assert load_all.version == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:32]
    assert (load_all.retries, load_all.retry_delay_seconds, load_all.timeout_seconds) == (0, 0, None)
    assert isinstance(load_all.task_runner, ConcurrentTaskRunner)
    assert load_all.should_validate_parameters is True


@pytest.mark.row("SDK-02")
def test_a_task_keeps_the_options_it_is_given() -> None:
    @task(
        name="get",
        tags=["a"],
        retries=3,
        retry_delay_seconds=[1, 2],
        timeout_seconds=5,
        description="d",
        version="7",
    )
    def fetch() -> None: ...
    @task
    def plain() -> None:
        """Says so."""

    assert (plain.name, plain.description) == ("plain", "Says so.")
    assert (fetch.name, fetch.tags, fetch.retries, fetch.retry_delay) == ("get", {"a"}, 3, [1, 2])
    assert (fetch.timeout_seconds, fetch.description, fetch.version) == (5.0, "d", "7")
    assert task(lambda: 1).retries == 0


@pytest.mark.row("SDK-03")
def test_both_decorators_work_bare_with_brackets_sync_and_async() -> None:
    @flow()
    def a() -> None: ...
    @flow
    async def b() -> None: ...
    @task()
    async def c() -> None: ...
    @task
    def d() -> None: ...
    @flow(name="one", retries=2)
    def e() -> None: ...
    @task(name="two", retries=3)
    def f() -> None: ...

    assert [x.isasync for x in (a, b, c, d)] == [False, True, True, False]
    assert [(x.name, x.retries) for x in (e, f)] == [("one", 2), ("two", 3)]


@pytest.mark.row("SDK-04")
def test_with_options_gives_a_copy_and_leaves_the_original() -> None:
    @task(tags=["a"], retries=1)
    def one() -> None: ...
    @flow(retries=1)
    def two() -> None: ...

    other, longer = (
        one.with_options(retries=5),
        two.with_options(timeout_seconds=3, task_runner=SequentialTaskRunner),
    )
    assert (one.retries, other.retries, other.tags) == (1, 5, {"a"})
    assert (two.timeout_seconds, longer.timeout_seconds, longer.retries) == (None, 3.0, 1)
    assert isinstance(longer.task_runner, SequentialTaskRunner)
    with pytest.raises(TypeError, match="no option 'colour'"):
        one.with_options(colour="red")


@pytest.mark.row("SDK-19")
def test_a_runner_may_be_given_as_class_or_instance_and_nothing_else() -> None:
    @flow(task_runner=SequentialTaskRunner())
    def a() -> None: ...
    @flow(task_runner="threads")
    def b() -> None: ...

    assert isinstance(a.task_runner, SequentialTaskRunner)
    with pytest.raises(TypeError, match="threads"):
        _ = b.task_runner


@pytest.mark.row("SDK-25")
def test_the_identity_of_a_task_depends_on_its_function_and_name_but_not_on_tags() -> None:
    @task
    def same() -> None: ...
    @task
    def other() -> None: ...

    assert same.task_key == same.with_options(tags=["x"], retries=2).task_key
    assert len({same.task_key, other.task_key, same.with_options(name="n").task_key}) == 3
    assert _key_in("/a/one.py") == _key_in("/b/one.py") != _key_in("/a/two.py")


def _key_in(file: str) -> str:
    """The key of a task of one name in a file."""
    names: dict[str, Any] = {}
    exec(compile("def same(): ...", file, "exec"), names)
    return task_key(names["same"], "same")


@pytest.mark.row("SDK-26")
@pytest.mark.parametrize("decorator", [task, flow])
def test_two_functions_of_one_name_warn_with_file_and_line(decorator: Any) -> None:
    def first() -> None: ...
    def second() -> None: ...

    decorator(name="twice-named")(first)
    place = f"{__file__}:{second.__code__.co_firstlineno}"
    with pytest.warns(UserWarning, match="twice-named") as caught:
        decorator(name="twice-named")(second)
    assert place in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decorator(name="twice-named")(first)


@pytest.mark.row("SDK-28")
def test_the_plain_function_is_there() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    assert double.fn(4) == 8


def test_back_off_doubles_and_is_bounded() -> None:
    assert exponential_backoff(3)(4) == [3, 6, 12, 24]
    assert task(retries=3, retry_delay_seconds=exponential_backoff(1))(lambda: 1).retry_delay == [1, 2, 4]
    assert len(exponential_backoff(1)(1000)) == 50
    with pytest.raises(ValueError, match="negative"):
        task(retries=1, retry_delay_seconds=-1)(lambda: 1)


def test_a_flow_name_that_the_api_would_refuse_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="a/b"):
        flow(name="a/b")(lambda: 1)


def test_every_name_of_the_package_can_be_had() -> None:
    assert all(getattr(orion, name) is not None for name in orion.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = orion.nothing
