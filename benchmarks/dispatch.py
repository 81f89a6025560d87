"""Table 4, from due to running: how soon an agent has a run, and its process says its first line."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import measure, servers, traffic

LIMITS = {
    "ad hoc run, idle agent: claimed": "0.1 s",
    "first user line, own process": "0.5 s",
    "CPU of one dispatched run": "0.4 s",
    "lateness of a 10 s interval schedule, median / worst": "0.2 s / 1 s",
}

FLOW = """
import time
from {lib} import flow

@flow
def hello(asked: float = 0.0):
    with open({out!r}, "a") as file:
        file.write(f"{{time.time() - asked}}\\n")
"""


def run(runs: int = 5, schedule_seconds: int = 65) -> str:
    """The table as Markdown."""
    with servers.orion("--agent") as server:
        columns = {"orion": _column(Orion(server), runs, schedule_seconds)}
    for name, python in servers.peers().items():
        with servers.prefect(name, python) as server:
            library = (Workers if name == "Prefect 3" else Agents)(server, python)
            with library.agent():
                columns[name] = _column(library, 2, 45)
    rows = [[what, *(c[what] for c in columns.values()), limit] for what, limit in LIMITS.items()]
    return measure.table("From due to running", ["", *columns, "orion, at most"], rows)


class Orion:
    """How a flow file becomes a deployment, and what runs it."""

    lib, queue = "orion", "default"

    def __init__(self, server: servers.Server, python: str = sys.executable) -> None:
        self.server, self.python, self.command = server, python, [python, "-m", self.lib]
        self.home = Path(server.env["HOME"]) / "flows"  # of its own: a library may copy it whole
        self.home.mkdir()
        self.env = server.env | {"ORION_API_URL": server.api, "PREFECT_API_URL": server.api}
        self.line = traffic.Line(server.api)

    def deploy(self, name: str, every: int | None = None) -> tuple[str, Path]:
        """The id of a new deployment, and the file that its runs write a line to."""
        out = self.home / f"{name}.txt"
        (self.home / f"{name}.py").write_text(FLOW.format(out=str(out), lib=self.lib))
        self._apply(name, every)
        return self.line.send("GET", f"/deployments/name/hello/{name}").json()["id"], out

    def engine(self, run: str) -> measure.Cost:
        """One run in a process of its own, as the agent starts it."""
        env = self.env | {"ORION__FLOW_RUN_ID": run, "PREFECT__FLOW_RUN_ID": run}
        return measure.command([self.python, "-m", f"{self.lib}.engine"], env, self.home)

    def _apply(self, name: str, every: int | None) -> None:
        flags = ["--interval", str(every)] if every else []
        argv = ["deployment", "build", f"{name}.py:hello", "-n", name, "-q", self.queue, "--apply", *flags]
        self._command(*argv)

    def _command(self, *argv: str) -> None:
        done = subprocess.run([*self.command, *argv], env=self.env, cwd=self.home, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.stdout[-400:]} {done.stderr[-400:]}")


class Agents(Orion):
    """Prefect 2.20: the same command, and an agent beside its server."""

    lib, watch = "prefect", ("agent", "start", "-q", "default")

    def __init__(self, server: servers.Server, python: str) -> None:
        super().__init__(server, python)
        self.command = [servers.command_of(python)]

    @contextlib.contextmanager
    def agent(self) -> Iterator[None]:
        """What runs flows, for the length of the block."""
        argv = [*self.command, *self.watch]
        process = subprocess.Popen(
            argv, env=self.env, cwd=self.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


class Workers(Agents):
    """Prefect 3: a worker of a pool, and deployments made through the API."""

    watch = ("worker", "start", "--pool", "bench", "--type", "process")

    def _apply(self, name: str, every: int | None) -> None:
        flow = self.line.send("POST", "/flows/", {"name": "hello"}).json()["id"]
        step = {"prefect.deployments.steps.set_working_directory": {"directory": str(self.home)}}
        body = {"name": name, "flow_id": flow, "entrypoint": f"{name}.py:hello", "work_pool_name": "bench"}
        body |= {"pull_steps": [step], "path": str(self.home), "enforce_parameter_schema": False}
        body |= {"schedules": [{"schedule": {"interval": every}, "active": True}]} if every else {}
        self._await_pool()
        answer = self.line.send("POST", "/deployments/", body)
        if answer.status >= 300:
            raise RuntimeError(answer.body.decode(errors="replace")[:400])

    def _await_pool(self, limit: float = 90) -> None:
        """The worker makes its pool when it starts."""
        end = time.monotonic() + limit
        while self.line.send("GET", "/work_pools/bench").status == 404:
            if time.monotonic() > end:
                raise RuntimeError("the worker made no pool")
            time.sleep(0.5)


def _column(library: Orion, runs: int, schedule_seconds: int) -> dict[str, str]:
    return _ad_hoc(library, runs) | _interval(library, schedule_seconds)


def _ad_hoc(library: Orion, runs: int) -> dict[str, str]:
    deployment, out = library.deploy("adhoc")
    line = library.line
    claims = []
    for number in range(runs + 1):
        asked = {"parameters": {"asked": time.time()}, "state": {"type": "SCHEDULED"}}
        run = _made(line, deployment, asked)
        _finished(line, run["id"])
        states = line.send("GET", f"/flow_run_states/?flow_run_id={run['id']}").json()
        if number:
            claims.append(_seconds(states, "PENDING"))
    lines = [float(text) for text in out.read_text().split()][1:]
    return {
        "ad hoc run, idle agent: claimed": f"{statistics.median(claims):.3f} s",
        "first user line, own process": f"{statistics.median(lines):.2f} s",
        "CPU of one dispatched run": f"{_run_cpu(library, deployment, min(runs, 3)):.2f} s",
    }


def _made(line: traffic.Line, deployment: str, body: Any) -> Any:
    """A new run; a peer whose SQLite is locked is asked again."""
    for pause in (1, 2, 4, 0):
        answer = line.send("POST", f"/deployments/{deployment}/create_flow_run", body)
        if answer.status != 503:
            break
        time.sleep(pause)
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status}: {answer.body.decode(errors='replace')[:400]}")
    return answer.json()


def _run_cpu(library: Orion, deployment: str, runs: int) -> float:
    costs = []
    for _ in range(runs):
        asked = {"work_queue_name": "nobody", "state": {"type": "PENDING"}}
        run = _made(library.line, deployment, asked)
        costs.append(library.engine(run["id"]).cpu)
    return statistics.median(costs)


def _interval(library: Orion, seconds: int) -> dict[str, str]:
    deployment, _ = library.deploy("tick", every=10)
    line = library.line
    time.sleep(seconds)
    line.send("PATCH", f"/deployments/{deployment}", {"paused": True})
    body = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    late = [run["estimated_start_time_delta"] for run in line.send("POST", "/flow_runs/filter", body).json()]
    shown = f"{statistics.median(late):.2f} s / {max(late):.2f} s" if late else f"none ran in {seconds} s"
    return {"lateness of a 10 s interval schedule, median / worst": shown}


def _finished(line: traffic.Line, run: str, limit: float = 180) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found: dict[str, Any] = line.send("GET", f"/flow_runs/{run}").json()
        if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED"):
            if found["state_type"] != "COMPLETED":
                raise RuntimeError(json.dumps(found["state"]))
            return
        time.sleep(0.02)
    raise RuntimeError(f"run {run} did not end")


def _seconds(states: list[dict[str, Any]], kind: str) -> float:
    times = {state["type"]: dt.datetime.fromisoformat(state["timestamp"]) for state in reversed(states)}
    return (times[kind] - times["SCHEDULED"]).total_seconds()
