"""Agents and clocks as processes of their own, and flows for them, for tests that kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.servers import CHECKOUT, OrionServer, clean_environment

FLOWS = """
    import os, signal, time
    from pathlib import Path
    from orion import flow, get_run_logger, task

    @task
    def step(folder: str) -> int:
        with open(Path(folder) / "starts", "a") as file:
            file.write(f"{os.getpid()}\\n")
        return os.getpid()

    @flow
    def waits(folder: str) -> str:
        step(folder)
        get_run_logger().info("waiting")
        while not (Path(folder) / "go").exists():
            time.sleep(0.05)
        get_run_logger().info("going")
        step(folder)
        return "done"

    @task
    def dies(number: int) -> None:
        get_run_logger().info("about to die")
        os.kill(os.getpid(), number)
        time.sleep(60)

    @flow
    def killed(number: int) -> None:
        print("last words", flush=True)
        dies(number)

    @task
    def echo(number: int) -> int:
        get_run_logger().info("task %d", number)
        return number

    @flow
    def talks(count: int) -> int:
        for number in range(count):
            get_run_logger().info("line %d", echo(number))
        return count

    @flow(name="quick")
    def quick() -> int:
        return 1
"""


class Process:
    """A Python process whose output is kept."""

    def __init__(self, home: Path, *command: str, inside: Sequence[str] = (), **environ: str) -> None:
        """`inside` is what the command is started by: another network, another user."""
        self.home, self.lines = home, list[str]()
        self.process = subprocess.Popen(
            [*inside, sys.executable, *command],
            env=clean_environment(home, **environ),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            self.lines.extend(iter(stream.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send it a signal, by default one that it cannot hear; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


def agent(server: OrionServer, *args: str, **environ: str) -> Process:
    """The single file on its own, for the queue `default`."""
    file = str(CHECKOUT / "orion" / "agent.py")
    return Process(server.home, file, "default", *args, ORION_API_URL=server.api, **environ)


class Network(NamedTuple):
    """A network that another machine is in: the address of this one there, and what a command in it begins with."""

    address: str
    inside: tuple[str, ...] = ()

    def holds(self, pid: int) -> bool:
        """Whether a process is in it, and so not in ours."""
        own, other = (os.readlink(f"/proc/{one}/ns/net") for one in ("self", pid))
        return (own != other) == bool(self.inside)


@contextmanager
def network() -> Iterator[Network]:
    """A network namespace that reaches this machine by a cable; where none can be made, this machine's own network.

    Its loopback is down: a program in it that asks for 127.0.0.1 gets no answer.
    """
    name, number = f"orion{os.getpid()}", os.getpid() % 16000
    here, there = (f"10.213.{number // 64}.{number % 64 * 4 + side}" for side in (1, 2))
    made = [
        f"netns add {name}",
        f"link add {name} type veth peer name far netns {name}",
        f"addr add {here}/30 dev {name}",
        f"link set {name} up",
        f"-n {name} addr add {there}/30 dev far",
        f"-n {name} link set far up",
    ]
    try:
        done = all(_ip(words) for words in made) and _reaches(name, here)
        yield Network(here, ("ip", "netns", "exec", name)) if done else Network("127.0.0.1")
    finally:
        _ip(f"link del {name}")
        _ip(f"netns del {name}")


def _reaches(name: str, address: str) -> bool:
    """Whether a program in the network gets an answer from here: a firewall may say no."""
    with socket.create_server((address, 0)) as listening:
        port = listening.getsockname()[1]
        ask = f"import socket; socket.create_connection(('{address}', {port}), 5)"
        command = ["ip", "netns", "exec", name, sys.executable, "-S", "-c", ask]
        return not subprocess.run(command, capture_output=True).returncode


def _ip(words: str) -> bool:
    """Whether `ip` is there and does what it is told; only root may."""
    program = shutil.which("ip")
    return program is not None and not subprocess.run([program, *words.split()], capture_output=True).returncode


class Runs:
    """Deployments of the flows above on a server, and their runs."""

    def __init__(self, server: OrionServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        (folder / "flows.py").write_text(textwrap.dedent(FLOWS))

    def start(self, flow: str, job_variables: dict[str, Any] | None = None, **parameters: Any) -> str:
        """Ask for a run of a flow; its id."""
        flow_id = self.server.post("/flows/", {"name": flow}).json()["id"]
        body = {
            "name": "test", "flow_id": flow_id, "path": str(self.folder), "entrypoint": f"flows.py:{flow}",
            "work_queue_name": "default", "parameters": parameters, "job_variables": job_variables or {},
        }  # fmt: skip
        deployment = self.server.post("/deployments/", body).json()["id"]
        asked = {"state": {"type": "SCHEDULED"}}
        run: str = self.server.post(f"/deployments/{deployment}/create_flow_run", asked).json()["id"]
        return run

    def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.get(f"/flow_runs/{run}").raise_for_status().json()
        return found

    def state(self, run: str) -> str:
        return str(self.read(run)["state_type"])

    def states(self, run: str) -> list[str]:
        return [state["type"] for state in self.server.get(f"/flow_run_states/?flow_run_id={run}").json()]

    def tasks(self, run: str) -> list[str]:
        body = {"flow_runs": {"id": {"any_": [run]}}}
        return [task["state_type"] for task in self.server.post("/task_runs/filter", body).json()]

    def logs(self, run: str) -> list[str]:
        body = {"logs": {"flow_run_id": {"any_": [run]}}}
        return [line["message"] for line in self.server.post("/logs/filter", body).json()]

    def said(self, run: str) -> list[str]:
        """What the flow itself has said, in order."""
        return [line for line in self.logs(run) if line in ("waiting", "going")]

    def pid(self, run: str) -> int:
        return int((self.read(run)["infrastructure_pid"] or ":0").rpartition(":")[2])


def answers(server: OrionServer) -> bool:
    """Whether the server can be reached."""
    try:
        return httpx.get(server.api + "/health", timeout=2).is_success
    except httpx.HTTPError:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    """Kill one process that cannot hear it."""
    os.kill(pid, signal.SIGKILL)
