"""Flow runs without a server: calls, final states, parameters, names, subflows, retries, timeouts."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest

from orion import Completed, Failed, flow, get_run_context, get_run_logger, tags, task
from orion.model.states import StateCreate
from orion.sdk import effects, flow_call, flow_engine
from orion.sdk.client import SyncClient
from orion.sdk.errors import FlowTimedOut, MissingContext, TaskInsideTask, TaskOutsideFlow

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def leap(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass at once for whoever looks whether a flow has any left; meanwhile the machine takes its time."""
    ahead = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(ahead), sleep=time.sleep)
    for module in (effects, flow_call, flow_engine):
        monkeypatch.setattr(module, "time", clock)
    return ahead.append


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def fail(text: str = "no") -> None:
    raise ValueError(text)


@pytest.mark.row("SDK-05")
@pytest.mark.row("SDK-06")
def test_a_call_gives_data_and_on_request_the_state() -> None:
    @flow
    def total(n: int) -> int:
        told = add(n, 2, return_state=True)
        assert (told.type, told.result()) == ("COMPLETED", n + 2)
        return add(n, 1) + add(n, 2)

    assert total(1) == 5
    state = total(1, return_state=True)
    assert (state.type, state.name, state.result()) == ("COMPLETED", "Completed", 5)


def test_an_async_flow_is_awaited_and_awaits_its_tasks() -> None:
    @task
    async def twice(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    @flow
    async def total(n: int) -> int:
        return await twice(n) + add(n, 1)

    assert asyncio.run(total(4)) == 13


def test_a_sync_flow_runs_inside_a_running_event_loop_and_may_call_async_tasks() -> None:
    @task
    async def twice(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    @flow
    def total(n: int) -> int:
        return twice(n)

    async def main() -> int:
        return total(4)

    assert asyncio.run(main()) == 8


@pytest.mark.row("SDK-13")
def test_an_exception_fails_the_run_and_reaches_the_caller() -> None:
    @flow
    def broken() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        broken()
    state = broken(return_state=True)
    assert state.is_failed()
    assert isinstance(state.result(raise_on_failure=False), KeyError)


@pytest.mark.row("SDK-13")
@pytest.mark.row("SDK-14")
def test_none_gives_the_verdict_of_all_tasks_and_subflows() -> None:
    @flow
    def child() -> None:
        fail(return_state=True)

    @flow
    def fine() -> None:
        add(1, 2)
        add.submit(1, 2)

    @flow
    def mixed() -> None:
        add(1, 2)
        fail(return_state=True)
        fail.submit()
        child(return_state=True)

    good, bad = fine(return_state=True), mixed(return_state=True)
    assert (good.type, good.message, good.result()) == ("COMPLETED", "All states completed.", None)
    assert (bad.type, bad.message) == ("FAILED", "3/4 states failed.")
    with pytest.raises(ValueError, match="no"):
        bad.result()


@pytest.mark.row("SDK-13")
@pytest.mark.row("SDK-14")
def test_returned_futures_and_states_give_their_aggregate_and_other_failures_do_not_count() -> None:
    @flow
    def one() -> object:
        fail(return_state=True)
        return add.submit(1, 2)

    @flow
    def several() -> object:
        return [add.submit(1, 2), add(1, 2, return_state=True), fail.submit()]

    @flow
    def not_ready() -> object:
        return [add.submit(1, 2), add.submit(fail.submit(), 2)]

    state = not_ready(return_state=True)
    assert (state.is_failed(), state.message) == (True, "1/2 states are not final.")

    @flow
    def all_good() -> object:
        return add.submit(1, 2), add.submit(3, 4)

    assert (one(return_state=True).message, one()) == ("All states completed.", 3)
    assert several(return_state=True).message == "1/3 states failed."
    assert all_good() == (3, 7)


@pytest.mark.row("SDK-13")
def test_a_state_made_by_hand_is_used_as_it_is_and_other_data_completes() -> None:
    @flow
    def by_hand() -> object:
        return Failed(message="I say so", name="Refused")

    @flow
    def in_spite() -> object:
        fail(return_state=True)
        return Completed({"n": 1}, message="fine")

    @flow
    def data() -> object:
        fail(return_state=True)
        return {"n": 1}

    state = by_hand(return_state=True)
    assert (state.type, state.name, state.message) == ("FAILED", "Refused", "I say so")
    assert in_spite() == {"n": 1}
    assert data() == {"n": 1}


@pytest.mark.row("SDK-15")
def test_parameters_are_coerced_and_bad_ones_fail_the_run(client: SyncClient) -> None:
    @flow
    def typed(day: date, n: int = 1) -> object:
        return day.year + n

    @flow(validate_parameters=False)
    def loose(n: int) -> object:
        return n

    assert typed("2012-01-01", n="2") == 2014  # type: ignore[arg-type]
    assert loose("x") == "x"  # type: ignore[arg-type]
    state = typed("never", n="many", return_state=True)
    assert state.is_failed()
    assert "day: " in state.message and "n: " in state.message
    assert client.count_flow_runs(flow_runs={"state": {"type": {"any_": ["FAILED"]}}}) == 1


@pytest.mark.row("SDK-17")
def test_a_subflow_has_its_own_run_mirrored_by_a_task_run_of_its_parent(client: SyncClient) -> None:
    @flow
    def child(x: int) -> int:
        return add(x, 1)

    @flow
    def parent() -> int:
        return child(add.submit(1, 2))

    assert parent() == 4
    runs = {run.flow_id: run for run in client.read_flow_runs()}
    flows = {found.name: found.id for found in client.read_flows()}
    mirror = client.read_task_run(runs[flows["child"]].parent_task_run_id)
    assert mirror.flow_run_id == runs[flows["parent"]].id
    assert (mirror.state_type, mirror.state.state_details.child_flow_run_id) == (
        "COMPLETED",
        runs[flows["child"]].id,
    )


@pytest.mark.row("SDK-17")
def test_async_subflows_run_at_the_same_time_when_gathered() -> None:
    meeting = asyncio.Barrier(2)

    @flow
    async def child() -> str:
        await asyncio.wait_for(meeting.wait(), 20)
        return "met"

    @flow
    async def parent() -> list[str]:
        return list(await asyncio.gather(child(), child()))

    assert asyncio.run(parent()) == ["met", "met"]


def test_a_failed_flow_is_tried_again_and_finished_tasks_are_not_repeated(client: SyncClient) -> None:
    calls: list[str] = []

    @task
    def once() -> int:
        calls.append("once")
        return 7

    @task
    def second_time() -> int:
        calls.append("second")
        if calls.count("second") == 1:
            raise ValueError("not yet")
        return 1

    @flow
    def child() -> int:
        calls.append("child")
        return 3

    @flow(retries=1)
    def stubborn() -> int:
        return once() + child() + second_time()

    assert stubborn() == 11
    assert calls == ["once", "child", "second", "second"]
    assert client.count_task_runs() == 3


@pytest.mark.row("ENG-02")
@pytest.mark.row("SDK-18")
def test_a_flow_over_its_time_is_timed_out_sync_at_the_next_call_async_at_the_next_await() -> None:
    reached: list[str] = []

    @flow(timeout_seconds=0.05)
    def slow() -> None:
        time.sleep(0.1)
        add(1, 2)
        reached.append("sync")

    @flow(timeout_seconds=0.05)
    async def slow_too() -> None:
        await asyncio.sleep(30)
        reached.append("async")

    @flow(timeout_seconds=0.05)
    def calls_nothing() -> None:
        time.sleep(0.1)

    for state in (slow(return_state=True), asyncio.run(slow_too(return_state=True)), calls_nothing(return_state=True)):
        assert (state.type, state.name) == ("FAILED", "TimedOut")
        with pytest.raises(FlowTimedOut):
            state.result()
    assert reached == []


@pytest.mark.row("SDK-18")
def test_a_flow_out_of_time_does_not_wait_for_what_it_has_submitted(
    client: SyncClient, leap: Callable[[float], None]
) -> None:
    begun_to_wait, begun_to_sleep, gate = threading.Event(), threading.Event(), threading.Event()

    @task
    def stuck() -> None:
        begun_to_wait.set()
        gate.wait(30)

    @task
    async def sleepy() -> None:
        begun_to_sleep.set()
        await asyncio.sleep(30)

    @flow(timeout_seconds=60)
    def run() -> None:
        stuck.submit()
        begun_to_wait.wait(30)
        leap(60)

    @flow(timeout_seconds=60)
    async def run_async() -> None:
        await sleepy.submit()
        await asyncio.to_thread(begun_to_sleep.wait, 30)
        leap(60)

    begun = time.monotonic()
    states = [run(return_state=True), asyncio.run(run_async(return_state=True))]
    assert time.monotonic() - begun < 25
    gate.set()
    assert [state.name for state in states] == ["TimedOut", "TimedOut"]
    given_up = [r for r in client.read_task_runs() if r.state_type == "CRASHED"]
    assert len(given_up) == 2
    assert all("given up with its flow" in r.state.message for r in given_up)


@pytest.mark.row("SDK-18")
def test_a_subflow_has_no_more_time_than_the_flow_that_calls_it(
    client: SyncClient, leap: Callable[[float], None]
) -> None:
    @flow
    def child() -> None:
        leap(60)
        add(1, 2)

    @flow(timeout_seconds=60)
    def parent() -> None:
        child()

    state = parent(return_state=True)
    assert (state.name, state.message) == ("TimedOut", "The flow took longer than 60 s.")
    (inner,) = client.read_flow_runs(flows={"name": {"any_": ["child"]}})
    assert (inner.state_name, inner.state.message) == (
        "TimedOut",
        "The flow that called this one is out of time.",
    )


@pytest.mark.row("SDK-22")
def test_tags_in_a_block_go_to_flow_and_task_runs_inside(client: SyncClient) -> None:
    @task(tags=["own"])
    def tagged() -> None: ...

    @flow
    def run() -> None:
        tagged()
        with tags("inner"):
            tagged()

    with tags("outer"):
        run()
    assert client.read_flow_runs()[0].tags == ["outer"]
    found = sorted(client.read_task_runs(), key=lambda r: r.dynamic_key)
    assert [sorted(r.tags) for r in found] == [["outer", "own"], ["inner", "outer", "own"]]


@pytest.mark.row("SDK-23")
def test_the_run_context_is_that_of_the_task_else_of_the_flow_else_an_error() -> None:
    @task
    def inside() -> str:
        return get_run_context().task_run.name

    @flow
    def outside() -> tuple[str, str]:
        return get_run_context().flow_run.name, inside()

    flow_name, task_name = outside()
    assert "-" in flow_name and task_name.startswith("inside-")
    with pytest.raises(MissingContext):
        get_run_context()


@pytest.mark.row("SDK-24")
def test_runs_have_two_word_names_and_tasks_a_key_and_a_number(client: SyncClient) -> None:
    @flow
    def run() -> None:
        add(1, 2)
        add(1, 2)

    run()
    assert len(client.read_flow_runs()[0].name.split("-")) == 2
    names = sorted(r.name for r in client.read_task_runs())
    assert names == [f"{add.task_key}-0", f"{add.task_key}-1"]
    assert len(add.task_key.removeprefix("add-")) == 8


def test_runs_can_be_named_by_their_parameters(client: SyncClient) -> None:
    @task(task_run_name="load {table}")
    def load(table: str) -> None: ...

    @flow(flow_run_name="etl of {table}")
    def etl(table: str) -> None:
        load(table)

    etl("users")
    assert (client.read_flow_runs()[0].name, client.read_task_runs()[0].name) == (
        "etl of users",
        "load users",
    )


@pytest.mark.row("ENG-20")
def test_a_task_outside_a_flow_or_inside_a_task_is_an_error() -> None:
    @task
    def outer() -> int:
        return add(1, 2)

    @flow
    def run() -> int:
        return outer()

    with pytest.raises(TaskOutsideFlow, match="add.fn"):
        add(1, 2)
    with pytest.raises(TaskInsideTask, match="'add' was called inside the task 'outer'"):
        run()


def test_hooks_are_called_with_flow_run_and_state_and_a_broken_one_changes_nothing() -> None:
    seen: list[tuple[str, str, str]] = []

    def note(subject: object, run: object, state: object) -> None:
        seen.append((subject.name, run.name, state.name))  # type: ignore[attr-defined]

    def broken(*_: object) -> None:
        raise RuntimeError("hook")

    @task(on_failure=[note])
    def bad() -> None:
        raise ValueError

    @flow(on_completion=[broken, note], on_failure=[note], on_running=[note], flow_run_name="r")
    def run(fine: bool) -> int:
        return 1 if fine else bad()

    assert run(True) == 1
    run(False, return_state=True)
    assert [entry[0] + " " + entry[2] for entry in seen] == [
        "run Running", "run Completed", "run Running", "bad Failed", "run Failed",
    ]  # fmt: skip


@pytest.mark.row("LOG-01")
@pytest.mark.row("LOG-02")
@pytest.mark.row("LOG-04")
def test_log_lines_of_flow_and_task_are_with_their_runs_when_the_flow_is_over(client: SyncClient) -> None:
    @task
    def work() -> None:
        get_run_logger().warning("from the %s", "task")

    @flow
    def run() -> None:
        get_run_logger().info("from the flow")
        work()

    run()
    flow_run, task_run = client.read_flow_runs()[0], client.read_task_runs()[0]
    lines = {line.message: line for line in client.read_logs()}
    mine, theirs = lines["from the flow"], lines["from the task"]
    assert (mine.name, mine.level, mine.flow_run_id, mine.task_run_id) == (
        "orion.flow_runs",
        20,
        flow_run.id,
        None,
    )
    assert (theirs.name, theirs.level) == ("orion.task_runs", 30)
    assert (theirs.flow_run_id, theirs.task_run_id) == (flow_run.id, task_run.id)


def test_prints_go_to_the_logs_when_asked_for(client: SyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def talk() -> None:
        print("task", "says", sep="-")

    @flow(log_prints=True)
    def run() -> None:
        print("flow says")
        talk()
        talk.with_options(log_prints=False)()

    run()
    assert {"flow says", "task-says"} <= {line.message for line in client.read_logs()}
    assert capsys.readouterr().out == "task-says\n"


def test_a_run_that_is_cancelled_at_a_task_is_no_fault_of_its_code(client: SyncClient) -> None:
    @task
    def work() -> None:
        """Never begun."""

    @flow
    def run() -> None:
        client.set_flow_run_state(get_run_context().flow_run.id, StateCreate(type="CANCELLING"), True)
        work()

    assert run(return_state=True).is_cancelled()
    lines = [line.message for line in client.read_logs()]
    assert "Stopped: The flow run of this task run is not running." in lines
    assert not any("Traceback" in line for line in lines)
