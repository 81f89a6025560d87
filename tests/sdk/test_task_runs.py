"""Task runs: futures, data, dependencies, maps, retries, caches, timeouts, runners."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orion import (
    ConcurrentTaskRunner,
    ProcessPoolTaskRunner,
    SequentialTaskRunner,
    allow_failure,
    flow,
    get_run_logger,
    quote,
    task,
    task_input_hash,
    unmapped,
)
from orion.sdk.client import SyncClient
from orion.sdk.errors import MappingLengthMismatch, MappingMissingIterable, TaskTimedOut, UnfinishedRun

pytestmark = pytest.mark.usefixtures("home")


@task(name="plus")
def add(a: Any, b: Any) -> Any:
    return a + b


@task(name="break")
def fail() -> None:
    raise ValueError("no")


@pytest.mark.row("SDK-07")
@pytest.mark.row("SDK-10")
def test_submit_gives_a_future_before_the_task_has_run() -> None:
    gate = threading.Event()

    @task
    def wait() -> str:
        gate.wait(20)
        return "through"

    @flow
    def run() -> None:
        future = wait.submit()
        assert future.wait(0.01) is None
        assert future.get_state().is_pending()
        with pytest.raises(TimeoutError):
            future.result(timeout=0.01)
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(future)
        gate.set()
        assert future.result(timeout=20) == "through"
        assert future.wait().is_completed()
        assert isinstance(fail.submit().result(raise_on_failure=False), ValueError)

    assert run(return_state=True).message == "1/2 states failed."


@pytest.mark.row("SDK-10")
def test_futures_of_async_tasks_in_an_async_flow_are_awaited() -> None:
    @task
    async def twice(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    @flow
    async def run() -> Any:
        future = await twice.submit(2)
        many = await twice.map([1, 2])
        assert (await future.wait()).is_completed()
        return await future.result(), await many.result(), (await future.get_state()).name

    assert asyncio.run(run()) == (4, [2, 4], "Completed")


@pytest.mark.row("SDK-08")
def test_map_runs_the_task_for_each_element() -> None:
    @flow
    def run() -> Any:
        numbers = add.map([1, 2, 3], add.submit([10, 20], [30]))
        shifted = add.map(numbers, unmapped(100))
        return shifted.result()

    assert run() == [111, 122, 133]


@pytest.mark.row("SDK-08")
def test_map_refuses_lengths_that_differ_and_calls_without_an_iterable() -> None:
    @flow
    def uneven() -> None:
        add.map([1, 2], [1, 2, 3])

    @flow
    def flat() -> None:
        add.map(1, 2)

    with pytest.raises(MappingLengthMismatch, match="a has 2, b has 3"):
        uneven()
    with pytest.raises(MappingMissingIterable):
        flat()


@pytest.mark.row("SDK-09")
def test_wait_for_orders_tasks_without_passing_data(client: SyncClient) -> None:
    order: list[str] = []

    @task
    def first() -> None:
        time.sleep(0.05)
        order.append("first")

    @task
    def second() -> None:
        order.append("second")

    @flow
    def run() -> None:
        second.submit(wait_for=[first.submit()])

    run()
    assert order == ["first", "second"]
    runs = {r.name.split("-")[0]: r for r in client.read_task_runs()}
    assert inputs_of(runs["second"]) == {"wait_for": [("task_run", runs["first"].id)]}


def inputs_of(run: Any) -> dict[str, list[tuple[str, str]]]:
    from orion.model.wire import unraw

    return {
        name: [(i["input_type"], i["id"] or i["name"] or i["type"]) for i in inputs]
        for name, inputs in unraw(run.task_inputs).items()
    }


@pytest.mark.row("SDK-11")
def test_futures_and_states_anywhere_inside_arguments_become_data() -> None:
    @task
    def show(value: Any) -> Any:
        return value

    @flow
    def run() -> Any:
        one, two = add.submit(0, 1), add(0, 2, return_state=True)
        return show({"list": [one, (two, 3)], "set": {4}})

    assert run() == {"list": [1, (2, 3)], "set": {4}}


@pytest.mark.row("SDK-11")
def test_quoted_values_are_passed_as_they_are() -> None:
    @task
    def kind(value: Any) -> str:
        return type(value["f"]).__name__

    @flow
    def run() -> str:
        return kind(quote({"f": add.submit(1, 2)}))

    assert run() == "OrionFuture"


@pytest.mark.row("SDK-12")
def test_each_task_run_records_where_its_arguments_came_from(client: SyncClient) -> None:
    @task
    def make(n: int) -> list[int]:
        return [n]

    @task
    def use(a: Any, b: Any, c: Any, d: Any) -> None: ...

    @flow
    def run(station: str) -> None:
        plain, future = make(1), make.submit(2)
        use(plain, [future, plain], station, "fixed")

    run("Seattle-Tacoma")
    runs = {r.name: r for r in client.read_task_runs()}
    made = [runs[f"{make.task_key}-{n}"].id for n in (0, 1)]
    assert inputs_of(runs[f"{use.task_key}-0"]) == {
        "a": [("task_run", made[0])],
        "b": [("task_run", made[1]), ("task_run", made[0])],
        "c": [("parameter", "station")],
        "d": [("constant", "str")],
    }


@pytest.mark.row("ENG-19")
def test_a_task_whose_upstream_did_not_complete_is_not_ready_and_never_runs(client: SyncClient) -> None:
    ran: list[int] = []

    @task
    def after(x: Any) -> None:
        ran.append(1)

    @flow
    def run() -> Any:
        future = after.submit(fail.submit())
        with pytest.raises(UnfinishedRun):
            after(fail.submit())
        return future

    assert run(return_state=True).is_failed()
    assert ran == []
    found = [r for r in client.read_task_runs() if r.name.startswith("after")]
    assert {(r.state_type, r.state_name, r.run_count) for r in found} == {("PENDING", "NotReady", 0)}


def test_allow_failure_lets_the_exception_through_as_data() -> None:
    @task
    def name(x: Any) -> str:
        return type(x).__name__

    @flow
    def run() -> list[str]:
        return [
            name(allow_failure(fail.submit())),
            *name.map(unmapped(allow_failure(fail.submit())) and [1]).result(),
        ]

    assert run() == ["ValueError", "int"]


def test_a_task_is_tried_again_until_it_succeeds_or_its_retries_are_used_up(client: SyncClient) -> None:
    tries: list[str] = []

    @task(retries=2, retry_delay_seconds=[0, 0.01])
    def flaky() -> int:
        tries.append("flaky")
        if len(tries) < 3:
            raise ValueError("again")
        return len(tries)

    @task(retries=1)
    def hopeless() -> None:
        tries.append("hopeless")
        raise ValueError("never")

    @flow
    def run() -> int:
        number = flaky()
        hopeless(return_state=True)
        return number

    assert run() == 3
    assert tries == ["flaky"] * 3 + ["hopeless"] * 2
    counts = {r.name.split("-")[0]: (r.state_type, r.run_count) for r in client.read_task_runs()}
    assert counts == {"flaky": ("COMPLETED", 3), "hopeless": ("FAILED", 2)}


def test_a_retry_condition_can_refuse_another_try() -> None:
    tries: list[str] = []

    def only_keys(task: Any, run: Any, state: Any) -> bool:
        return isinstance(state.result(raise_on_failure=False), KeyError)

    @task(retries=3, retry_condition_fn=only_keys)
    def bad(kind: type[Exception]) -> None:
        tries.append(kind.__name__)
        raise kind("x")

    @flow
    def run() -> None:
        bad(ValueError, return_state=True)
        bad(KeyError, return_state=True)

    run(return_state=True)
    assert tries == ["ValueError"] + ["KeyError"] * 4


def test_a_task_that_the_server_will_not_let_run_fails_the_flow(client: SyncClient) -> None:
    client.create_concurrency_limit("closed", 0)

    @task(tags=["closed"])
    def never() -> None: ...

    @flow
    def run() -> None:
        never()

    state = run(return_state=True)
    assert state.is_failed()
    assert client.read_flow_runs()[0].state_type == "FAILED"


def test_slots_are_handed_on_without_waiting_for_the_next_batch(client: SyncClient) -> None:
    client.create_concurrency_limit("one", 1)

    @task(tags=["one"])
    def work(n: int) -> int:
        return n

    @flow
    def run() -> Any:
        return [work(n) for n in range(5)]

    start = time.monotonic()
    assert run() == [0, 1, 2, 3, 4]
    assert time.monotonic() - start < 25  # a told wait is 30 s


@pytest.mark.row("SDK-20")
def test_a_cached_result_is_used_again_until_it_expires(client: SyncClient) -> None:
    calls: list[int] = []

    @task(cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1))
    def slow(n: int) -> int:
        calls.append(n)
        return n * 10

    expired = slow.with_options(name="expired", cache_expiration=timedelta(seconds=-1))

    @flow
    def run() -> Any:
        states = [slow(n, return_state=True) for n in (1, 1, 2)]
        names = [state.name for state in states]
        expired(5)
        expired(5)
        return names, [state.result() for state in states]

    assert run() == (["Completed", "Cached", "Completed"], [10, 10, 20])
    assert run() == (["Cached", "Cached", "Cached"], [10, 10, 20])
    assert calls == [1, 2, 5, 5, 5, 5]


@pytest.mark.row("SDK-20")
def test_a_cached_result_whose_file_is_gone_counts_as_a_miss(home: Path) -> None:
    calls: list[int] = []

    @task(cache_key_fn=lambda context, parameters: "key")
    def big() -> list[int]:
        calls.append(1)
        return list(range(5000))

    @flow
    def run() -> int:
        return len(big())

    assert (run(), run(), len(calls)) == (5000, 5000, 1)
    for file in (home / "storage").iterdir():
        file.unlink()
    assert (run(), len(calls)) == (5000, 2)


@pytest.mark.row("SDK-21")
def test_the_input_hash_uses_json_then_pickles_and_else_gives_none() -> None:
    class Context:
        task = add

    def key(**parameters: Any) -> str | None:
        return task_input_hash(Context, parameters)  # type: ignore[arg-type]

    assert key(a=1, b=2) == key(b=2, a=1) != key(a=1, b=3)
    assert key(a={1, 2}) == key(a={1, 2}) is not None
    assert key(a=threading.Lock()) is None


def test_a_task_in_a_thread_that_overruns_its_time_is_left_behind_and_said_so(client: SyncClient) -> None:
    release = threading.Event()

    @task(timeout_seconds=0.05)
    def stuck() -> None:
        release.wait(20)

    @task(timeout_seconds=0.05)
    async def sleepy() -> None:
        await asyncio.sleep(20)

    @flow
    def run() -> Any:
        return stuck(return_state=True), sleepy(return_state=True)

    states = run(return_state=True).result(raise_on_failure=False) and client.read_task_runs()
    release.set()
    assert {r.state_name for r in states} == {"TimedOut"}
    assert any("left behind" in r.state.message for r in states)
    with pytest.raises(TaskTimedOut):
        states[0].state.result()


@pytest.mark.row("SDK-19")
def test_the_concurrent_runner_has_several_tasks_at_once_the_sequential_one() -> None:
    meeting = threading.Barrier(3)

    @task
    def meet() -> int:
        return meeting.wait(20)

    @task
    async def meet_async() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    @flow(task_runner=ConcurrentTaskRunner())
    def together() -> Any:
        return [meet.submit() for _ in range(3)] + [meet_async.submit()]

    assert sorted(together()[:3]) == [0, 1, 2]

    here = threading.get_ident()

    @task
    def where() -> int:
        return threading.get_ident()

    @flow(task_runner=SequentialTaskRunner)
    def apart() -> Any:
        return [where.submit(), where.submit()]

    assert apart() == [here, here]


def test_the_sequential_runner_keeps_the_order_of_async_tasks() -> None:
    order: list[int] = []

    @task
    async def note(n: int) -> None:
        await asyncio.sleep(0.02 / (n + 1))
        order.append(n)

    @flow(task_runner=SequentialTaskRunner())
    async def run() -> None:
        for n in range(4):
            await note.submit(n)

    asyncio.run(run())
    assert order == [0, 1, 2, 3]


def test_the_process_pool_runs_functions_elsewhere_and_brings_back_results_logs_and_errors(
    client: SyncClient,
) -> None:
    @task
    def pid(n: int) -> int:
        import os

        get_run_logger().info("number %s", n)
        if n == 3:
            raise LookupError("three")
        return os.getpid()

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def run() -> Any:
        return [future.result(raise_on_failure=False) for future in pid.map([1, 2, 3])]

    import os

    one, two, error = run()
    assert one == two != os.getpid()
    assert isinstance(error, LookupError)
    lines = {line.message: line for line in client.read_logs()}
    assert lines["number 2"].task_run_id is not None


def test_an_unserialisable_result_does_not_harm_the_run(client: SyncClient) -> None:
    @task
    def lock() -> Any:
        return threading.Lock()

    @flow
    def run() -> bool:
        return lock().acquire()

    assert run() is True
    assert client.read_task_runs()[0].state_type == "COMPLETED"
    with pytest.raises(Exception, match="was not stored"):
        client.read_task_runs()[0].state.result()
