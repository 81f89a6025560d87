"""How figures are taken: CPU seconds of whole process trees from /proc, medians of several runs."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """CPU and wall seconds of something."""

    cpu: float
    wall: float


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def cpu(pid: int) -> float:
    """User and system seconds that a process tree has used, at the grain of the scheduler's own count."""
    return sum(_cpu_of(each) for each in tree(pid))


def _cpu_of(pid: int) -> float:
    try:
        total = 0
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9
    except (OSError, IndexError, ValueError):
        return _ticks_of(pid)


def _ticks_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> float:
    """Proportional set size of a process tree in MB."""
    total = 0
    for each in tree(pid):
        try:
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def command(argv: Sequence[str], env: dict[str, str], cwd: str | Path | None = None) -> Cost:
    """A whole process, with its children, from start to end."""
    start = time.perf_counter()
    process = subprocess.Popen(argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    noise = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(argv)} ended with {process.returncode}: {noise.decode(errors='replace')[-800:]}"
        )
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)


def median_of(runs: int, measure: Callable[[], Cost]) -> Cost:
    """The medians of `runs` measurements, after one that does not count."""
    measure()
    costs = [measure() for _ in range(runs)]
    return Cost(statistics.median(c.cpu for c in costs), statistics.median(c.wall for c in costs))


def server_cost(pid: int, work: Callable[[], int]) -> Cost:
    """CPU and wall seconds of a server for one unit of `work`, which returns how many units it did."""
    before, start = cpu(pid), time.perf_counter()
    units = work()
    return Cost((cpu(pid) - before) / units, (time.perf_counter() - start) / units)


def ms(seconds: float | None) -> str:
    """Seconds as milliseconds for a table."""
    return "–" if seconds is None else f"{seconds * 1000:.2f} ms"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under its title."""
    lines = [f"## {title}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])
