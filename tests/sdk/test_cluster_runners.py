"""Runners that call functions elsewhere: what all of them share, and Dask and Ray where they are installed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import pytest

from orion import DaskTaskRunner, RayTaskRunner, flow, get_run_logger, remote_options, task
from orion.sdk.client import SyncClient
from orion.sdk.errors import MissingExtra
from orion.sdk.runners import RemoteTaskRunner, TaskRunner
from orion.sdk.states import State
from orion.sdk.task_call import TaskCall

HAS_DASK, HAS_RAY = find_spec("distributed") is not None, find_spec("ray") is not None
DASK: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0"}
RAY: dict[str, Any] = {"num_cpus": 2, "include_dashboard": False}

with_dask = pytest.mark.skipif(not HAS_DASK, reason="Dask is not installed: make test-all")
with_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: make test-all")


@pytest.fixture(params=[pytest.param("dask", marks=with_dask), pytest.param("ray", marks=with_ray)])
def runner(request: pytest.FixtureRequest) -> Iterator[RemoteTaskRunner]:
    yield DaskTaskRunner(cluster_kwargs=DASK) if request.param == "dask" else RayTaskRunner(init_kwargs=RAY)


BOTH = threading.Barrier(3)


def meet() -> None:
    BOTH.wait(30)


@task
def double(number: int) -> int:
    return 2 * number


@pytest.mark.row("SDK-19")
def test_an_executor_is_asked_for_once_and_let_go_of_at_the_end(client: SyncClient) -> None:
    said: list[str] = []

    class Threads(RemoteTaskRunner):
        def start(self) -> Executor:
            said.append("start")
            return ThreadPoolExecutor(2)

        def end(self, executor: Executor, *, cancel: bool) -> None:
            said.append(f"end {cancel}")
            super().end(executor, cancel=cancel)

    @flow(task_runner=Threads())
    def run() -> list[int]:
        return list(double.map([1, 2, 3]).result())

    assert [run(), run()] == [[2, 4, 6]] * 2
    assert said == ["start", "end False"] * 2
    assert {each.state_type for each in client.read_task_runs()} == {"COMPLETED"}


def test_calls_that_share_a_process_keep_their_lines_apart(client: SyncClient) -> None:
    class Threads(RemoteTaskRunner):
        def start(self) -> Executor:
            return ThreadPoolExecutor(3)

    @task
    def work(number: int) -> None:
        meet()
        print("number", number)
        meet()
        get_run_logger().warning("ends %s", number)

    @flow(task_runner=Threads(), log_prints=True)
    def run() -> None:
        futures = work.map([0, 1])
        meet()
        print("the flow's own")
        meet()
        futures.result()

    run()
    runs = {int(run.dynamic_key): run.id for run in client.read_task_runs()}
    lines = {line.message: line.task_run_id for line in client.read_logs()}
    wanted = {f"{word} {number}": runs[number] for word in ("number", "ends") for number in runs}
    assert lines | wanted | {"the flow's own": None} == lines


@pytest.mark.row("SDK-19")
@pytest.mark.parametrize("base", [TaskRunner, RemoteTaskRunner])
def test_a_runner_that_cannot_take_a_task_fails_the_flow_and_nobody_waits_for_ever(
    client: SyncClient, base: type[TaskRunner]
) -> None:
    @flow(task_runner=base)
    def run() -> None:
        double.submit(1)

    with pytest.raises(TypeError, match=f"{base.__name__} needs a (start|submit) method"):
        run()
    assert client.read_flow_runs()[0].state_type == "FAILED"


def test_a_task_that_its_runner_refused_has_an_end(client: SyncClient) -> None:
    class Full(TaskRunner):
        def submit(self, call: TaskCall, done: Future[State]) -> None:
            raise RuntimeError("No room.")

    @flow(task_runner=Full())
    def run() -> str:
        with pytest.raises(RuntimeError, match="No room"):
            double.submit(1)
        return "went on"

    assert run() == "went on"


@pytest.mark.parametrize(
    ("kind", "extra", "there"), [(DaskTaskRunner, "dask", HAS_DASK), (RayTaskRunner, "ray", HAS_RAY)]
)
def test_what_is_not_installed_is_named_with_how_to_install_it(
    client: SyncClient, kind: type[RemoteTaskRunner], extra: str, there: bool
) -> None:
    if there:
        pytest.skip(f"{extra} is installed here")

    @flow(task_runner=kind)
    def run() -> None:
        double.submit(1)

    with pytest.raises(MissingExtra, match=rf"pip install 'orion-server\[{extra}\]'"):
        run()


def test_an_address_and_what_makes_a_cluster_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="not both"):
        DaskTaskRunner("tcp://scheduler:8786", cluster_kwargs={"n_workers": 2})


def test_a_duplicate_has_the_same_options() -> None:
    dask = DaskTaskRunner(None, "distributed.LocalCluster", DASK, {"maximum": 2}, {"timeout": 3}, 7)
    for runner in (dask, DaskTaskRunner("tcp://scheduler:8786"), RayTaskRunner("auto", {"namespace": "n"}, 7)):
        other = runner.duplicate()
        assert other is not runner and options(other) == options(runner)


def options(runner: TaskRunner) -> dict[str, Any]:
    return {name: value for name, value in vars(runner).items() if name != "_lock"}


def test_functions_run_on_the_cluster_and_bring_back_results_logs_and_errors(
    client: SyncClient, runner: RemoteTaskRunner
) -> None:
    @task
    def pid(number: int) -> int:
        get_run_logger().info("number %s", number)
        if number == 3:
            raise LookupError("three")
        time.sleep(0.5)  # so that two are under way at once
        print("ends", number)
        return os.getpid()

    @task
    async def here(before: int) -> int:
        return os.getpid()

    @flow(task_runner=runner, log_prints=True)
    def run() -> Any:
        there = [future.result(raise_on_failure=False) for future in pid.map([1, 2, 3])]
        return [*there, here.submit(double.submit(pid.submit(4))).result()]

    one, two, error, own = run()
    assert os.getpid() not in (one, two) and own == os.getpid()
    assert isinstance(error, LookupError)
    lines = {line.message: line.task_run_id for line in client.read_logs()}
    runs = {int(run.dynamic_key) + 1: run.id for run in client.read_task_runs() if run.name.startswith("pid")}
    for number in (1, 2, 4):
        assert lines[f"number {number}"] == lines[f"ends {number}"] == runs[number]
    assert lines["number 3"] == runs[3]


def test_a_worker_that_dies_fails_the_task_run_once_for_each_try(
    client: SyncClient, runner: RemoteTaskRunner, tmp_path: Any
) -> None:
    @task(retries=1)
    def die() -> None:
        (tmp_path / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        os._exit(3)

    @flow(task_runner=runner)
    def run() -> Any:
        return die.submit().result(raise_on_failure=False)

    assert isinstance(run(), Exception)
    (ended,) = client.read_task_runs()
    assert (ended.state_type, ended.run_count) == ("FAILED", 2)
    assert len(list(tmp_path.iterdir())) == 2, "the cluster has not tried it again by itself"


def test_a_timeout_ends_the_wait(client: SyncClient, runner: RemoteTaskRunner) -> None:
    @task(timeout_seconds=0.5)
    def slow() -> None:
        time.sleep(5)

    @flow(task_runner=runner)
    def run() -> State:
        double.submit(1).result()
        state: State = slow.submit().wait()
        return state

    assert run(return_state=True).name == "TimedOut"


@with_dask
def test_a_cluster_that_is_there_is_used_and_left_alone(client: SyncClient) -> None:
    from distributed import LocalCluster

    with LocalCluster(processes=False, dashboard_address=":0", n_workers=1) as cluster:

        @flow(task_runner=DaskTaskRunner(cluster.scheduler_address))
        def run() -> list[int]:
            return list(double.map([1, 2]).result())

        assert [run(), run()] == [[2, 4]] * 2


@with_dask
def test_a_scheduler_that_is_not_there_fails_the_flow(client: SyncClient) -> None:
    @flow(task_runner=DaskTaskRunner("tcp://127.0.0.1:1", client_kwargs={"timeout": 1}))
    def run() -> None:
        double.submit(1)

    with pytest.raises(OSError, match="Timed out trying to connect"):
        run()


@with_ray
def test_what_a_task_asks_ray_for_reaches_it(client: SyncClient) -> None:
    @task
    def resources() -> float:
        import ray

        return float(ray.get_runtime_context().get_assigned_resources().get("CPU", 0))

    @flow(task_runner=RayTaskRunner(init_kwargs=RAY))
    def run() -> list[float]:
        with remote_options(num_cpus=2):
            two = resources.submit()
        return [two.result(), resources.submit().result()]

    assert run() == [2.0, 1.0]
