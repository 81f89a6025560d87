"""Durations over time: a dot a run, its colour the state, its height how long it ran; a line for what is usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from orion.web.charts.svg import Svg, el, join

WIDTH, HEIGHT, INSET = 1000.0, 100.0, 8.0
WIDE = 20  # times the shortest: from there on each step up is a multiple
TICKS = 5


@dataclass(frozen=True)
class Dot:
    """A run: when it began, how long it ran."""

    time: datetime
    seconds: float
    look: str
    href: str
    title: str


@dataclass(frozen=True)
class Durations:
    """The plot and the words around it: `tops` (seconds) down the side, `ticks` (moments) along the bottom."""

    plot: Svg
    tops: list[float]
    ticks: list[datetime]


@dataclass(frozen=True)
class Height:
    """Seconds to a height and back; along powers where short and long runs stand beside each other."""

    low: float
    high: float

    @property
    def by_powers(self) -> bool:
        return self.low > 0 and self.high / self.low > WIDE

    def share(self, seconds: float) -> float:
        """How high a duration lies, from 0 to 1."""
        if not self.by_powers:
            return seconds / self.high
        return math.log(max(seconds, self.low) / self.low) / math.log(self.high / self.low)

    def seconds(self, share: float) -> float:
        """Which duration lies at a height."""
        return self.low * (self.high / self.low) ** share if self.by_powers else self.high * share


def durations(dots: Sequence[Dot], start: datetime, end: datetime, usual: float | None = None) -> Durations:
    """Draw runs that began between two moments; those that took no time at all lie at the bottom."""
    timed = [dot.seconds for dot in dots if dot.seconds > 0]
    scale = Height(min(timed, default=0.0), max([*timed, usual or 0.0], default=0.0) or 1.0)
    span = max((end - start).total_seconds(), 1.0)
    marks = [el("line", class_="grid", x1=0, x2=WIDTH, y1=y, y2=y) for y in (0, HEIGHT / 2, HEIGHT)]
    if usual:
        marks.append(el("line", class_="now", x1=0, x2=WIDTH, y1=_y(scale, usual), y2=_y(scale, usual)))
    marks += [_dot(dot, (dot.time - start).total_seconds() / span, _y(scale, dot.seconds)) for dot in dots]
    plot = el(
        "svg", join(marks), view_box="0 0 1000 100", preserve="none", role="group", aria_label=_label(dots)
    )
    step = (end - start) / (TICKS - 1)
    return Durations(
        plot, [scale.seconds(share) for share in (1, 0.5, 0)], [start + step * at for at in range(TICKS)]
    )


def _y(scale: Height, seconds: float) -> float:
    return HEIGHT - scale.share(seconds) * HEIGHT if seconds > 0 else HEIGHT


def _dot(dot: Dot, share: float, y: float) -> Svg:
    """A line of no length with round ends is a circle in a drawing that is stretched."""
    x = INSET + min(max(share, 0.0), 1.0) * (WIDTH - 2 * INSET)
    mark = f'<path class="dotted" data-s="{dot.look}" d="M{x:.0f} {y:.1f}h0.01"/>'
    return Svg(f'<a href="{escape(dot.href)}"><title>{escape(dot.title)}</title>{mark}</a>')


def _label(dots: Sequence[Dot]) -> str:
    if not dots:
        return "No runs yet"
    first, last = min(dot.time for dot in dots), max(dot.time for dot in dots)
    return f"Durations of {len(dots)} runs over {max(math.ceil((last - first) / timedelta(days=1)), 1)} days"
