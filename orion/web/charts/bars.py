"""Small bars: the last runs by duration, and how far a run's tasks are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from orion.web.charts.svg import Svg, el, join, rect

ORDER = ("completed", "running", "failed", "crashed", "cancelled", "paused", "scheduled", "late", "pending")
NOT_DRAWN = ("pending", "scheduled", "late")


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A run as a bar: how it looks and how long it ran; `href` leads to it."""

    look: str
    seconds: float
    href: str | None = None
    title: str = ""


def bars(runs: Sequence[Bar], *, slots: int, height: float = 24, usual: float | None = None) -> Svg:
    """The newest `slots` runs, oldest first, right-aligned; height is duration, the dashed line the usual one."""
    shown = list(runs)[-slots:]
    longest = max([bar.seconds for bar in shown] + [usual or 0.0]) or 1.0
    left = slots - len(shown)
    marks = [_bar(bar, (left + index) * 10, height, longest) for index, bar in enumerate(shown)]
    if usual:
        y = height - usual / longest * height
        marks.append(el("line", x1=0, x2=slots * 10, y1=y, y2=y))
    label = f"Last {len(shown)} runs: {_sentence(shown)}" if shown else "No runs yet"
    box = f"0 0 {slots * 10 - 2} {height:g}"
    role = "group" if any(bar.href for bar in shown) else "img"  # an image has no links inside
    return el("svg", join(marks), view_box=box, preserve="none", role=role, aria_label=label)


def _bar(bar: Bar, x: float, height: float, longest: float) -> Svg:
    tall = max(bar.seconds / longest * height, height / 12)
    mark = rect(bar.look, x, height - tall, 8, tall, 1, bar.title)
    return el("a", mark, href=bar.href) if bar.href else mark


def _sentence(runs: Sequence[Bar]) -> str:
    counts = Counter([bar.look for bar in runs])
    return ", ".join(f"{counts[look]} {look}" for look in ORDER if counts[look])


def progress(counts: Mapping[str, int]) -> Svg:
    """A thin stacked bar of a run's tasks; what has not begun is left empty."""
    total, x, marks = sum(counts.values()) or 1, 0.0, []
    for look in ORDER:
        width = counts.get(look, 0) / total * 100
        if width and look not in NOT_DRAWN:
            marks.append(rect(look, x, 0, max(width - 0.8, 0.5), 6))
        x += width
    return el("svg", join(marks), view_box="0 0 100 6", preserve="none", aria_hidden="true")
