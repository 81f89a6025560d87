"""Table 1, weight: what is installed, imported, started, kept in memory, and sent to a browser first."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import urljoin

from benchmarks import measure, servers

LIMITS = {
    "installed, distributions": "75 MB, 45",
    "whole process: import flow, task": "0.10 s",
    "whole process: --help / version": "0.20 s / 0.20 s",
    "start to first 200, empty home / again (CPU)": "0.8 s / 0.5 s",
    "idle memory, clock included": "70 MB",
    "idle CPU per minute": "0.25 s",
    "first page: bytes gzipped, requests": "50 KB, 6",
}

COUNT = """
import importlib.metadata as m, pathlib, sysconfig
skip = {"pip", "setuptools", "wheel"}
site = pathlib.Path(sysconfig.get_path("purelib"))
names = [d.metadata["Name"].lower() for d in m.distributions(path=[str(site)]) if d.metadata["Name"]]
files = [f for f in site.rglob("*") if f.is_file() and f.relative_to(site).parts[0].split("-")[0] not in skip]
size = sum(f.stat().st_size for f in files)
print(size, len([n for n in names if n not in skip]))
"""


def run(runs: int = 5) -> str:
    """The table as Markdown."""
    columns = {"orion": _orion(runs)}
    for name, python in servers.peers().items():
        columns[name] = _peer(name, python, runs)
    bare = measure.median_of(
        runs, lambda: measure.command([sys.executable, "-c", "pass"], servers.clean_env("/tmp"))
    )
    rows = [[what, *(c.get(what, "–") for c in columns.values()), LIMITS.get(what, "")] for what in LIMITS]
    title = f"Weight (bare Python: {bare.cpu:.3f} s CPU)"
    return measure.table(title, ["", *columns, "orion, at most"], rows)


def _orion(runs: int) -> dict[str, str]:
    python, found = sys.executable, {}
    if installed := os.environ.get("ORION_INSTALLED"):
        found["installed, distributions"] = _installed(installed)
    found["whole process: import flow, task"] = _process(runs, python, "-c", "from orion import flow, task")
    help_and_version = (_process(runs, python, "-m", "orion", word) for word in ("--help", "version"))
    found["whole process: --help / version"] = " / ".join(help_and_version)
    found["start to first 200, empty home / again (CPU)"] = _start(
        lambda home: servers.orion(ORION_HOME=home)
    )
    with servers.orion() as server:
        found |= _idle(server)
        found["first page: bytes gzipped, requests"] = first_page(server.api.removesuffix("/api") + "/runs")
    return found


def _peer(name: str, python: str, runs: int) -> dict[str, str]:
    command, small = servers.command_of(python), 1
    found = {"installed, distributions": _installed(python)}
    found["whole process: import flow, task"] = _process(
        small, python, "-c", "from prefect import flow, task"
    )
    help_and_version = (_process(small, command, word) for word in ("--help", "version"))
    found["whole process: --help / version"] = " / ".join(help_and_version)
    found["start to first 200, empty home / again (CPU)"] = _start(
        lambda home: servers.prefect(name, python, PREFECT_HOME=home)
    )
    with servers.prefect(name, python) as server:
        return found | _idle(server, 20)


def _installed(python: str) -> str:
    size, count = subprocess.run(
        [python, "-c", COUNT], capture_output=True, text=True, check=True
    ).stdout.split()
    return f"{int(size) / 1e6:.0f} MB, {count}"


def _process(runs: int, *argv: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        env = servers.clean_env(home) | ({} if argv[0] == sys.executable else {"PYTHONPATH": ""})
        return f"{measure.median_of(runs, lambda: measure.command(argv, env, home)).cpu:.2f} s"


def _start(start: Callable[[str], AbstractContextManager[servers.Server]]) -> str:
    with tempfile.TemporaryDirectory() as home:
        costs = []
        for _ in range(2):
            with start(home) as server:
                costs.append(measure.cpu(server.pid))
    return f"{costs[0]:.2f} s / {costs[1]:.2f} s"


def _idle(server: servers.Server, seconds: float = 60.0) -> dict[str, str]:
    time.sleep(5)
    before = measure.cpu(server.pid)
    time.sleep(seconds)
    used = (measure.cpu(server.pid) - before) * 60 / seconds
    return {
        "idle memory, clock included": f"{measure.memory(server.pid):.0f} MB",
        "idle CPU per minute": f"{used:.2f} s",
    }


def first_page(url: str) -> str:
    """Bytes (gzipped) and requests of a page and of all that it loads."""
    page = _fetch(url)
    files = sorted(set(re.findall(rb'(?:src|href)="([^"#?]*static/[^"#]+)', page)))
    bodies = [page, *(_fetch(urljoin(url, name.decode())) for name in files)]
    return f"{sum(len(gzip.compress(body)) for body in bodies) / 1000:.0f} KB, {len(bodies)}"


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())
