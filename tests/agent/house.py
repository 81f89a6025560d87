"""What tests of the agent ask of a server, and flow processes that are small scripts."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import httpx

from orion.agent import Agent, Options

SECONDS = 60.0


class House:
    """The API, and what tests ask of it."""

    def __init__(self, url: str) -> None:
        self.api = f"{url}/api"
        self.http = httpx.Client(base_url=self.api, timeout=60)

    def post(self, path: str, body: Any) -> Any:
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def deploy(self, name: str = "ad-hoc", **fields: Any) -> str:
        """A deployment that runs in the queue `default`; its id."""
        flow = self.post("/flows/", {"name": "flow"})
        body = {
            "name": name,
            "flow_id": flow["id"],
            "work_queue_name": "default",
            "entrypoint": "x.py:f",
            **fields,
        }
        deployment: str = self.post("/deployments/", body)["id"]
        return deployment

    def run(self, deployment: str, **fields: Any) -> str:
        """Ask for a run; its id."""
        body = {"state": {"type": "SCHEDULED"}, **fields}
        run: str = self.post(f"/deployments/{deployment}/create_flow_run", body)["id"]
        return run

    def state(self, run: str) -> tuple[str, str]:
        found = self.get(f"/flow_runs/{run}")["state"]
        return found["type"], found["message"] or ""

    def states(self, run: str) -> list[str]:
        return [state["type"] for state in self.get(f"/flow_run_states/?flow_run_id={run}")]

    def logs(self, run: str) -> list[str]:
        lines = self.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return [line["message"] for line in lines]


REPORTING = """
    import os, sys, time, json, signal, urllib.request
    def call(method, path, body=None):
        headers = {"Content-Type": "application/json", "Orion-Attempt": os.environ["ORION__ATTEMPT"]}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(os.environ["ORION_API_URL"] + path, data, headers, method=method)
        return json.load(urllib.request.urlopen(request))
    def enter(kind):
        return call("POST", f"/flow_runs/{os.environ['ORION__FLOW_RUN_ID']}/set_state", {"state": {"type": kind}})
"""


def flow(code: str) -> tuple[str, ...]:
    """The command of a flow process that runs `code`, with `enter(state)` at hand."""
    return (sys.executable, "-c", textwrap.dedent(REPORTING) + textwrap.dedent(code))


class Running:
    """An agent in a thread of its own event loop, which can be told to stop."""

    def __init__(self, options: Options) -> None:
        self.code: int | None = None
        self.agent: Agent | None = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._live, args=(options,), daemon=True)
        self.thread.start()

    def _live(self, options: Options) -> None:
        async def live() -> int:
            self.agent = Agent(options, signals=False)
            return await self.agent.work()

        self.code = self.loop.run_until_complete(live())
        self.loop.close()

    def stop(self) -> int | None:
        if self.agent:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self.loop.call_soon_threadsafe(self.agent.stop)
        return self.wait()

    def wait(self) -> int | None:
        self.thread.join(SECONDS)
        assert not self.thread.is_alive(), "the agent does not end"
        return self.code


Start = Callable[..., Running]
