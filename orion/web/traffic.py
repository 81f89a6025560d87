"""How many requests this process answered and how long they took, by route; two additions a request."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Line(NamedTuple):
    """One route's requests with one status: how many, seconds in all, and how many were faster than each bound."""

    method: str
    path: str
    status: int
    number: int
    seconds: float
    faster: list[int]


class Traffic:
    """The counts since the process began."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, int], list[float]] = {}

    def record(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        line = self._lines.get((method, path, status))
        if line is None:
            line = self._lines[method, path, status] = [0.0] * (len(BOUNDS) + 2)
        line[0] += seconds
        line[1 + bisect_left(BOUNDS, seconds)] += 1

    def lines(self) -> Iterator[Line]:
        """Every route that was asked for, in order."""
        for (method, path, status), (seconds, *counts) in sorted(self._lines.items()):
            total, faster = 0, []
            for count in counts:
                total += int(count)
                faster.append(total)
            yield Line(method, path, status, total, seconds, faster[:-1])
