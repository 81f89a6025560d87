"""Durations in pairs: one row a task, the first run pale above, the second in full below."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orion.web.charts.svg import Svg, el, join

WIDTH, LEAST, PARTS = 1000.0, 3.0, 3
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 36_000, 86_400)
GRID = [el("line", x1=x, x2=x, y1=0, y2=30) for x in (0, WIDTH / 3, WIDTH * 2 / 3, WIDTH)]


class Side(msgspec.Struct, frozen=True, gc=False):
    """A task in one of the runs: how it looks, how long it worked; None where it did not run."""

    look: str
    seconds: float | None


def axis(sides: Sequence[Side | None]) -> list[float]:
    """Round marks from nothing to beyond the longest of all durations."""
    longest = max((side.seconds or 0.0 for side in sides if side), default=0.0)
    step = next((step for step in STEPS if step * PARTS >= longest), longest / PARTS)
    if longest <= 1.0:
        step = next(
            part / 1000 for part in (1, 2, 5, 10, 20, 50, 100, 200, 500) if part / 1000 * PARTS >= longest
        )
    return [step * part for part in range(PARTS + 1)]


def pair(a: Side | None, b: Side | None, whole: float, label: str) -> Svg:
    """The bars of one task; what did not run is a stub."""
    bars = [_bar(a, whole, 8, 5, 1.5, "try"), _bar(b, whole, 15, 8, 2, None)]
    return el(
        "svg",
        join([*GRID, *bars]),
        class_="row",
        view_box="0 0 1000 30",
        preserve="none",
        role="img",
        aria_label=label,
    )


def _bar(side: Side | None, whole: float, y: float, height: float, rx: float, name: str | None) -> Svg:
    if side is None or side.seconds is None:
        return el("path", class_="ghost", d=f"M0 {y + height / 2:g}H26")
    width = min(max(side.seconds / max(whole, 0.001) * WIDTH, LEAST), WIDTH)
    return el("rect", data_s=side.look, class_=name, x=0, y=y, width=width, height=height, rx=rx)
