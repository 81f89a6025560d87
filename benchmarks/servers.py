"""Servers under test: orion, the floor, and the peers that environment variables name."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"Prefect 3": "ORION_PEER_C3", "Prefect 2.20": "ORION_PEER_C2"}


class Server(NamedTuple):
    """A running server: what it is, its process, where its API is, and the environment it was started in."""

    name: str
    pid: int
    api: str
    env: dict[str, str]
    started: float


def peers() -> dict[str, str]:
    """The peers that are installed: name to the Python that has it."""
    return {name: os.environ[variable] for name, variable in PEERS.items() if os.environ.get(variable)}


def command_of(python: str) -> str:
    """The `prefect` command beside a Python."""
    return str(Path(python).with_name("prefect"))


def clean_env(home: str, **extra: str) -> dict[str, str]:
    """An environment with an empty home and nothing of ours in it."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("ORION_", "PREFECT_", "XDG_"))}
    return {**keep, "HOME": home, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **extra}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def orion(*flags: str, **extra: str) -> Iterator[Server]:
    """`orion start` on an empty home."""
    port = free_port()
    argv = [sys.executable, "-m", "orion", "start", "--port", str(port), *flags]
    with _running("orion", argv, port, {"ORION_SERVER_LOG_LEVEL": "error", **extra}) as server:
        yield server


@contextmanager
def floor() -> Iterator[Server]:
    """The bare Starlette application of `floor.py`."""
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.floor", str(port)]
    with _running("floor", argv, port, {"FLOOR_DB": "floor.db"}) as server:
        yield server


@contextmanager
def prefect(name: str, python: str, **more: str) -> Iterator[Server]:
    """A peer's server."""
    port = free_port()
    argv = [command_of(python), "server", "start", "--port", str(port)]
    argv += ["--no-ui"] if name.startswith("Prefect 3") else []
    extra = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PYTHONPATH": "", **more}
    with _running(name, argv, port, extra) as server:
        yield server


@contextmanager
def _running(name: str, argv: list[str], port: int, extra: dict[str, str]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        env = clean_env(home, **extra)
        begin = time.perf_counter()
        process = subprocess.Popen(
            argv, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            api = f"http://127.0.0.1:{port}/api"
            _wait(api + "/health", process)
            yield Server(name, process.pid, api, env, time.perf_counter() - begin)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered {url}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing answers at {url}")
