"""From seconds to places along a timeline, with long gaps in which nothing ran cut out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, SEAM = 1000.0, 24.0
LONG, SHARE = 3600.0, 0.2  # in a run over an hour, a gap of more than a fifth of it is cut
Stretch = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Seconds to x and back; each cut is as wide as a seam, however long it was."""

    seconds: float
    cuts: Sequence[Stretch] = ()

    def x(self, time: float) -> float:
        """Where a moment lies."""
        return _along(self._pieces(), time)

    def time(self, x: float) -> float:
        """Which moment lies at a place."""
        return _along([(x0, x1, t0, t1) for t0, t1, x0, x1 in self._pieces()], x)

    def _pieces(self) -> list[tuple[float, float, float, float]]:
        kept = self.seconds - sum(end - start for start, end in self.cuts)
        factor = (WIDTH - SEAM * len(self.cuts)) / max(kept, 0.001)
        pieces, at, x = list[tuple[float, float, float, float]](), 0.0, 0.0
        for start, end in self.cuts:
            seam = x + (start - at) * factor
            pieces += [(at, start, x, seam), (start, end, seam, seam + SEAM)]
            at, x = end, seam + SEAM
        return [*pieces, (at, self.seconds, x, WIDTH)]


def _along(pieces: Sequence[tuple[float, float, float, float]], value: float) -> float:
    for first, last, low, high in pieces:
        if value <= last and last > first:
            return low + max(value - first, 0.0) / (last - first) * (high - low)
    return pieces[-1][3]


def gaps(busy: Iterable[Stretch], seconds: float) -> list[Stretch]:
    """The stretches of a long run in which nothing ran and which are worth cutting."""
    if seconds <= LONG:
        return []
    found, at = list[Stretch](), 0.0
    for start, end in [*sorted(busy), (seconds, seconds)]:
        if start - at > SHARE * seconds:
            found.append((at, start))
        at = max(at, end)
    return found
