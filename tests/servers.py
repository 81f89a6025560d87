"""Real servers for tests: `orion start` as a process, on a free port, with a home of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).parent.parent
START_SECONDS = 60


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a machine where nobody has configured orion."""
    foreign = ("ORION_", "PREFECT_", "XDG_")
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(foreign) and k not in ("PORT", "DATABASE_URL")
    }
    path = os.pathsep.join(filter(None, (str(CHECKOUT), kept.get("PYTHONPATH"))))
    return {**kept, "HOME": str(home), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


def run_orion(
    *args: str,
    home: Path,
    timeout: float = 60,
    cwd: Path | None = None,
    stdin: str | None = None,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "orion", *args],
        env=clean_environment(home, **more),
        cwd=cwd or home,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


class OrionServer:
    """A running `orion start`. `url` is its address, `api` its API, `output` all it has said so far."""

    def __init__(self, home: Path, *args: str, python: str = sys.executable, **more: str) -> None:
        self.home, self.key = home, more.get("ORION_ADMIN_KEY", "")
        home.mkdir(exist_ok=True)
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [python, "-m", "orion", "start", "--port", "0", *args],
            env=clean_environment(home, **more),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._up = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._up.wait(START_SECONDS) or not self.url:
            self.kill()
            raise RuntimeError(f"the server did not start:\n{self.output}")

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def url(self) -> str:
        found = re.search(r"API\s+(http://\S+)/api", self.output)
        return found[1] if found else ""

    @property
    def api(self) -> str:
        return f"{self.url}/api"

    @property
    def port(self) -> int:
        found = re.search(r"listens on http://\S+:(\d+)", self.output)
        return int(found[1]) if found else int(self.url.rpartition(":")[2])

    @property
    def client(self) -> dict[str, str]:
        """The environment of a program that talks to this server."""
        return {"ORION_API_URL": self.api, **({"ORION_API_KEY": self.key} if self.key else {})}

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                self.lines.append(line)
                if "Press Ctrl+C" in line:
                    self._up.set()
        self._up.set()

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.api + path, timeout=30, headers=self._headers)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return httpx.post(self.api + path, json={} if body is None else body, timeout=30, headers=self._headers)

    def orion(self, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command that talks to this server."""
        return run_orion(*args, home=self.home, **self.client, **more)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def kill(self) -> None:
        """End it and all it has started, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._reader.join(10)


@contextmanager
def serving(home: Path, *args: str, **more: str) -> Iterator[OrionServer]:
    """A server for the length of a block."""
    server = OrionServer(home, *args, **more)
    try:
        yield server
        server.stop()
    finally:
        server.kill()


def eventually(fact: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until `fact()` is true, and answer it; the longer it takes, the less often it is asked."""
    began = time.monotonic()
    while not (found := fact()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"not true within {seconds} s: {fact}")
        time.sleep(min(0.01 + waited / 20, 0.05))
    return found
