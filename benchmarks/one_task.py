"""Table 3, one task: what a flow of N trivial tasks costs its own process and the server."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from benchmarks import measure, servers

WORKLOAD = str(servers.ROOT / "benchmarks" / "flows" / "workload.py")

LIMITS = {
    "client CPU per task, sequential (sync / async flow)": "0.8 / 1.4 ms",
    "server CPU per task": "0.7 ms",
    "wall per task, sequential / mapped 1,000": "2 / 0.7 ms",
    "requests for 40 sequential tasks": "50",
    "subflow, each (wall)": "15 ms",
    "flow with one task, the first of its process (wall, CPU)": "25 ms, 20 ms",
    "flow with one task, each further one (wall, CPU)": "25 ms, 20 ms",
    "whole process, one task, with server / without (CPU)": "0.35 / 0.45 s",
    "40 light tasks, fib(10) (wall)": "0.1 s",
    "10 long tasks, fib(33): times the pure work": "1.05",
}


class Work(NamedTuple):
    """One run of the workload: seconds in the flow call, those of the server meanwhile, and requests sent."""

    cpu: float
    wall: float
    server: float
    requests: int


def run(runs: int = 5) -> str:
    """The table as Markdown."""
    columns = {"orion": _column("orion", sys.executable, servers.orion("--no-clock"), runs, 1)}
    for name, python in servers.peers().items():
        columns[name] = _column("prefect", python, servers.prefect(name, python), 1, 10)
    rows = [[what, *(c[what] for c in columns.values()), limit] for what, limit in LIMITS.items()]
    return measure.table("One task", ["", *columns, "orion, at most"], rows)


def _column(
    lib: str, python: str, start: AbstractContextManager[servers.Server], runs: int, less: int
) -> dict[str, str]:
    """What one library costs; `less` divides the number of tasks, for libraries that take long over each."""
    with start as server:

        def work(shape: str, n: int) -> Work:
            return _median([_work(server, lib, python, shape, n) for _ in range(runs + 1)][1:])

        def each(shape: str) -> Work:
            one, many, n = work(shape, 1), work(shape, 200 // less + 1), 200 // less
            return Work(*((b - a) / n for a, b in zip(one[:3], many[:3], strict=True)), 0)

        plain, calm, single = each("sequential"), each("async_sequential"), work("sequential", 1)
        again = _again(server, lib, python, runs)
        mapped, subflows = work("mapped", 1000 // less), work("subflows", 20 // less)
        heavy = _work(server, lib, python, "heavy", 10).wall / _pure(python)
        whole = _whole(server, lib, python, True, runs), _whole(server, lib, python, False, runs)
        figures = (
            f"{_ms(plain.cpu)} / {_ms(calm.cpu)} ms",
            f"{_ms(plain.server)} ms",
            f"{_ms(plain.wall)} / {_ms(mapped.wall / (1000 // less))} ms",
            f"{_work(server, lib, python, 'sequential', 40, count=True).requests}",
            f"{_ms(subflows.wall / (20 // less))} ms",
            f"{_ms(single.wall)} ms, {_ms(single.cpu)} ms",
            f"{_ms(again[1])} ms, {_ms(again[0])} ms",
            f"{whole[0]:.2f} / {whole[1]:.2f} s",
            f"{work('light', 40).wall:.3f} s",
            f"{heavy:.2f}",
        )
        return dict(zip(LIMITS, figures, strict=True))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def _env(server: servers.Server, lib: str, connected: bool) -> dict[str, str]:
    env = {k: v for k, v in server.env.items() if k != "ORION_SERVER_LOG_LEVEL"} | {"BENCH_LIB": lib}
    quiet = {"ORION_LOGGING_LEVEL": "WARNING", "PREFECT_LOGGING_LEVEL": "WARNING"}
    return env | quiet | ({"PREFECT_API_URL": server.api} if connected else {})


def _again(server: servers.Server, lib: str, python: str, runs: int) -> list[float]:
    """CPU and wall seconds of a flow with one task in a process that has run one before."""
    told = [_told(server, lib, python, "sequential", 1, BENCH_AGAIN="1")["again"] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*told, strict=True)]


def _told(server: servers.Server, lib: str, python: str, shape: str, n: int, **more: str) -> dict[str, Any]:
    env = _env(server, lib, True) | {"BENCH_SHAPE": shape, "BENCH_N": str(n), **more}
    done = subprocess.run([python, WORKLOAD], env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _work(server: servers.Server, lib: str, python: str, shape: str, n: int, count: bool = False) -> Work:
    """Counting imports what sends beforehand, so the figures of a run that counts are only its requests."""
    before = measure.cpu(server.pid)
    figures = _told(server, lib, python, shape, n, **({"BENCH_COUNT": "1"} if count else {}))
    time.sleep(0.2)
    return Work(figures["cpu"], figures["wall"], measure.cpu(server.pid) - before, figures["requests"])


def _median(works: list[Work]) -> Work:
    return Work(*(statistics.median(column) for column in zip(*works, strict=True)))


def _whole(server: servers.Server, lib: str, python: str, connected: bool, runs: int) -> float:
    with tempfile.TemporaryDirectory() as home:
        env = _env(server, lib, connected) | {"BENCH_SHAPE": "sequential", "BENCH_N": "1", "HOME": home}
        return measure.median_of(min(runs, 3), lambda: measure.command([python, WORKLOAD], env, home)).cpu


def _pure(python: str) -> float:
    lines = (
        "import time",
        "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)",
        "start = time.perf_counter()",
        "for _ in range(10): fib(33)",
        "print(time.perf_counter() - start)",
    )
    code = "\n".join(lines)
    return float(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout)
