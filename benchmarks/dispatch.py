"""Table 4, from due to running: how soon an agent has a run, and its process says its first line."""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import sys
import time
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
from orion import flow

@flow
def hello(asked: float = 0.0):
    with open({out!r}, "a") as file:
        file.write(f"{{time.time() - asked}}\\n")
"""


def run(runs: int = 5, schedule_seconds: int = 65) -> str:
    """The table as Markdown (orion only: a peer needs its own deployment files)."""
    with servers.orion("--agent") as server:
        home = Path(server.env["HOME"])
        found = _ad_hoc(server, home, runs) | _interval(server, home, schedule_seconds)
    return measure.table(
        "From due to running", ["", "orion", "orion, at most"], [[k, found[k], v] for k, v in LIMITS.items()]
    )


def _deploy(server: servers.Server, home: Path, name: str, *flags: str) -> Path:
    out = home / f"{name}.txt"
    (home / f"{name}.py").write_text(FLOW.format(out=str(out)))
    argv = [
        sys.executable,
        "-m",
        "orion",
        "deployment",
        "build",
        f"{name}.py:hello",
        "-n",
        name,
        "-q",
        "default",
        "--apply",
        *flags,
    ]
    subprocess.run(
        argv, env=server.env | {"ORION_API_URL": server.api}, cwd=home, check=True, capture_output=True
    )
    return out


def _ad_hoc(server: servers.Server, home: Path, runs: int) -> dict[str, str]:
    out = _deploy(server, home, "adhoc")
    line = traffic.Line(server.api)
    deployment = line.send("GET", "/deployments/name/hello/adhoc").json()["id"]
    claims = []
    for number in range(runs + 1):
        run = line.send(
            "POST", f"/deployments/{deployment}/create_flow_run", {"parameters": {"asked": time.time()}}
        ).json()
        _finished(line, run["id"])
        states = line.send("GET", f"/flow_run_states/?flow_run_id={run['id']}").json()
        if number:
            claims.append(_seconds(states, "PENDING"))
    lines = [float(text) for text in out.read_text().split()][1:]
    return {
        "ad hoc run, idle agent: claimed": f"{statistics.median(claims):.3f} s",
        "first user line, own process": f"{statistics.median(lines):.2f} s",
        "CPU of one dispatched run": f"{_run_cpu(server, home):.2f} s",
    }


def _run_cpu(server: servers.Server, home: Path) -> float:
    """One run in a process of its own, as the agent starts it."""
    line = traffic.Line(server.api)
    flow = line.send("GET", "/deployments/name/hello/adhoc").json()
    costs = []
    for _ in range(3):
        run = line.send(
            "POST", f"/deployments/{flow['id']}/create_flow_run", {"work_queue_name": "nobody"}
        ).json()
        env = server.env | {"ORION_API_URL": server.api, "ORION__FLOW_RUN_ID": run["id"]}
        costs.append(measure.command([sys.executable, "-m", "orion.engine"], env, home).cpu)
    return statistics.median(costs)


def _interval(server: servers.Server, home: Path, seconds: int) -> dict[str, str]:
    _deploy(server, home, "tick", "--interval", "10")
    line = traffic.Line(server.api)
    time.sleep(seconds)
    deployment = line.send("GET", "/deployments/name/hello/tick").json()["id"]
    line.send("PATCH", f"/deployments/{deployment}", {"paused": True})
    body = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    late = [run["estimated_start_time_delta"] for run in line.send("POST", "/flow_runs/filter", body).json()]
    return {
        "lateness of a 10 s interval schedule, median / worst": f"{statistics.median(late):.2f} s / {max(late):.2f} s"
    }


def _finished(line: traffic.Line, run: str, limit: float = 60) -> None:
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
