"""The machines of a soak: servers, clocks and agents as processes, each killed now and then and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.ports import held_port
from tests.servers import CHECKOUT, clean_environment
from tests.soak.invariants import read_diary
from tests.soak.plan import Plan


class Machine:
    """One process that is always started again in the same way; what it says goes to a file."""

    def __init__(
        self, kind: str, name: str, command: list[str], environment: dict[str, str], folder: Path
    ) -> None:
        self.kind, self.name, self.command, self.environment = kind, name, command, environment
        self.folder = folder
        self.killed: list[tuple[float, str]] = []
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, or start it again."""
        with open(self.folder / f"{self.name}.log", "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def kill(self, number: int) -> None:
        """End it by a signal and wait until it is gone."""
        self.killed.append((time.time(), signal.Signals(number).name))
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(60)


class Park:
    """All machines of a plan over one database."""

    def __init__(self, plan: Plan, database_url: str) -> None:
        self.plan, self.folder = plan, plan.folder
        self.environment = clean_environment(
            plan.folder, ORION_DATABASE_URL=database_url, ORION_SERVER_LOG_LEVEL="warning", **plan.environment
        )
        self.held = contextlib.ExitStack()
        self.ports = [self.held.enter_context(held_port()) for _ in range(plan.servers)]
        self.addresses = [f"http://127.0.0.1:{port}/api" for port in self.ports]
        self.machines = [*self._servers()]
        self.lock = threading.Lock()

    def start_others(self) -> None:
        """Clocks and agents, once the servers answer."""
        self.machines += [*self._clocks(), *self._agents()]

    def stop(self) -> None:
        """End everything, agents first, and whatever flows are left."""
        for machine in reversed(self.machines):
            with contextlib.suppress(ProcessLookupError):
                machine.process.terminate()
        for machine in reversed(self.machines):
            try:
                machine.process.wait(30)
            except subprocess.TimeoutExpired:
                machine.process.kill()
                machine.process.wait()
        for pid, _ in self.flows():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self.held.close()

    def of_kind(self, kind: str) -> list[Machine]:
        return [machine for machine in self.machines if machine.kind == kind]

    def flows(self) -> list[tuple[int, str]]:
        """Process and run of every flow that runs now."""
        return [*_flow_processes(self.folder)]

    def working(self) -> list[tuple[int, str]]:
        """Those of them that are in the flow's own code."""
        begun = {entry.pid for entry in read_diary(self.folder / "diary") if entry.word == "begin"}
        return [(pid, run) for pid, run in self.flows() if pid in begun]

    def _servers(self) -> Iterator[Machine]:
        for number, port in enumerate(self.ports):
            command = ["-m", "orion", "start", "--no-clock", "--no-ui", "--port", str(port)]
            yield Machine("server", f"server-{number}", command, self.environment, self.folder)

    def _clocks(self) -> Iterator[Machine]:
        for number in range(self.plan.clocks):
            yield Machine("clock", f"clock-{number}", ["-m", "orion", "clock"], self.environment, self.folder)

    def _agents(self) -> Iterator[Machine]:
        for number in range(self.plan.agents):
            address = self.addresses[number % len(self.addresses)]
            kept = {k: v for k, v in self.environment.items() if "DATABASE" not in k}
            command = [str(CHECKOUT / "orion" / "agent.py"), "soak", "--limit", str(self.plan.limit)]
            environment = {**kept, "ORION_API_URL": address}
            yield Machine("agent", f"agent-{number}", command, environment, self.folder)


def _flow_processes(folder: Path) -> Iterator[tuple[int, str]]:
    mark = f"HOME={folder}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            found = Path("/proc", entry, "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        runs = [part.partition(b"=")[2] for part in found if part.startswith(b"ORION__FLOW_RUN_ID=")]
        if runs and mark in found:
            yield int(entry), runs[0].decode()


class Monkey:
    """Kills machines of one kind at random and starts them again a little later."""

    def __init__(self, park: Park, kind: str, stop: threading.Event) -> None:
        self.park, self.kind, self.stop = park, kind, stop
        self.chance = park.plan.random(kind)
        self.kills: list[tuple[float, str, str]] = []  # when, whom, how
        self.thread = threading.Thread(target=self._live, name=f"monkey-{kind}")
        self.thread.start()

    def _live(self) -> None:
        mean = self.park.plan.kills[self.kind]
        while not self.stop.wait(self.chance.expovariate(1 / mean)):
            self._kill_a_flow() if self.kind == "flow" else self._kill_a_machine()

    def _kill_a_machine(self) -> None:
        machine = self.chance.choice(self.park.of_kind(self.kind))
        number = self.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        self.kills.append((time.time(), machine.name, number.name))
        machine.kill(number)
        self.stop.wait(self.chance.uniform(0, 0.5 if self.park.plan.quick else 8))
        machine.start()

    def _kill_a_flow(self) -> None:
        working = self.park.working()
        if flows := (working if working and self.chance.random() < 0.8 else self.park.flows()):
            pid, run = self.chance.choice(flows)
            number = self.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
            self.kills.append((time.time(), run, number.name))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
