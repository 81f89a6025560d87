"""The work of a soak: flows that write down when they began and ended, schedules for them, and runs made by hand."""

from __future__ import annotations

import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.soak.machines import Park

FLOWS = """
    import hashlib, os, time
    from orion import flow, task

    def note(word):
        token = hashlib.sha256(os.environ["ORION__ATTEMPT"].encode()).hexdigest()[:12]
        line = f"{os.environ['ORION__FLOW_RUN_ID']} {token} {os.getpid()} {word} {time.time()}\\n"
        file = os.open(os.path.join(os.path.dirname(__file__), "diary"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)

    @task
    def work(seconds):
        time.sleep(seconds)

    @flow(retries=3, retry_delay_seconds=1)
    def sturdy(seconds: float = 0.2):
        note("begin")
        work(seconds)
        note("end")

    @flow
    def frail(seconds: float = 0.2):
        note("begin")
        work(seconds)
        note("end")
"""
CATCHUPS = ("", "all", "latest", "none")


class Work:
    """Makes deployments and runs through whichever server answers, each create with a key, so that none is doubled."""

    def __init__(self, park: Park) -> None:
        self.park, self.plan = park, park.plan
        self.http = httpx.Client(timeout=20)
        self.chance = park.plan.random("work")
        self.deployments: list[str] = []
        self.acknowledged: list[str] = []
        self.anchor = self.scheduled_from = self.scheduled_until = datetime.now(UTC)
        (park.folder / "flows.py").write_text(textwrap.dedent(FLOWS))

    def ask(self, method: str, path: str, body: Any = None, *, seconds: float = 120) -> Any:
        """One request, sent again to the next server until one answers."""
        end, turn = time.monotonic() + seconds, self.chance.randrange(len(self.park.addresses))
        while True:
            try:
                address = self.park.addresses[turn % len(self.park.addresses)]
                answer = self.http.request(method, address + path, json=body)
                if answer.status_code < 500:
                    return answer.raise_for_status().json() if answer.content else None
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, f"no server answers {method} {path}"
            turn += 1
            time.sleep(0.1)

    def deploy(self) -> None:
        """Deployments with a schedule each, and all the policies of catching up."""
        self.anchor = datetime.now(UTC).replace(microsecond=0)
        self.scheduled_until = self.anchor + timedelta(seconds=round(self.plan.seconds))
        for number in range(self.plan.deployments):
            flow = "sturdy" if number % 3 else "frail"
            policy = CATCHUPS[number % len(CATCHUPS)]
            body = {
                "name": f"soak-{number}",
                "flow_id": self.ask("POST", "/flows/", {"name": flow})["id"],
                "work_queue_name": "soak",
                "path": str(self.park.folder),
                "entrypoint": f"flows.py:{flow}",
                "labels": {"orion.catchup": policy} if policy else {},
                "schedules": [{"schedule": self._schedule(number), "active": True}],
            }
            self.deployments.append(self.ask("POST", "/deployments/", body)["id"])
        self.scheduled_from = datetime.now(UTC)

    def _schedule(self, number: int) -> dict[str, Any]:
        """One goes on until it is switched off; the others have an end, and what they planned is not touched."""
        every = self.plan.interval
        if number == 0:
            return {"interval": every, "anchor_date": self.anchor.isoformat()}
        begin, end = (f"{moment:%Y%m%dT%H%M%SZ}" for moment in (self.anchor, self.scheduled_until))
        return {"rrule": f"DTSTART:{begin}\nRRULE:FREQ=SECONDLY;INTERVAL={every};UNTIL={end}"}

    def make_runs(self, stop: threading.Event) -> None:
        """Runs by hand, evenly over the time; some are cancelled soon after."""
        wanted = self.plan.runs // 2
        begun = time.monotonic()
        for number in range(wanted):
            if stop.wait(max(0, begun + number * self.plan.seconds / wanted - time.monotonic())):
                return
            deployment = self.chance.choice(self.deployments)
            body = {
                "state": {"type": "SCHEDULED"},
                "idempotency_key": f"soak {self.plan.seed} {number}",
                "parameters": {"seconds": round(self.chance.uniform(0, 1.5), 2)},
            }
            run = self.ask("POST", f"/deployments/{deployment}/create_flow_run", body)["id"]
            self.acknowledged.append(run)
            if self.chance.random() < 0.05:
                unlucky = self.chance.choice(self.acknowledged[-10:])
                self.ask("POST", f"/flow_runs/{unlucky}/set_state", {"state": {"type": "CANCELLING"}})

    def end_schedules(self) -> None:
        """Switch the endless one off: what it has not yet begun goes, and that is recorded."""
        self.ask("POST", f"/deployments/{self.deployments[0]}/set_schedule_inactive", {})

    def open_runs(self) -> int:
        """How many runs have not ended."""
        live = ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]
        found: int = self.ask("POST", "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": live}}}})
        return found
