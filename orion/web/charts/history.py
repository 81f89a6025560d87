"""Run history: stacked bars of run counts over time, failures at the baseline, what is planned to the right of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from orion.web.charts.svg import Svg, el, join, number

STACK = ("failed", "crashed", "late", "cancelled", "paused", "running", "pending", "completed", "scheduled")
WIDTH, HEIGHT, GAP = 1000.0, 100.0, 0.5
TICKS = 9


@dataclass(frozen=True)
class Bucket:
    """The runs of one span of time, counted by look; `href` leads to exactly them."""

    start: datetime
    counts: Mapping[str, int]
    href: str


@dataclass(frozen=True)
class History:
    """The plot and the words around it: `tops` down the side, `ticks` along the bottom."""

    plot: Svg
    tops: list[str]
    ticks: list[str]
    rows: list[tuple[str, str]]


def history(buckets: Sequence[Bucket], width: timedelta, now: datetime, clock: str, label: str) -> History:
    """Draw the buckets. `clock` is the strftime form for the axis; the times must already be in the viewer's zone."""
    top = ceiling(max((sum(b.counts.values()) for b in buckets), default=0))
    step = WIDTH / max(len(buckets), 1)
    grid = [el("line", class_="grid", x1=0, x2=1000, y1=y, y2=y) for y in (0, 50, 100)]
    said = [_sentence(bucket.counts) for bucket in buckets]
    bars = [_bar(b, words, at * step, step, top) for at, (b, words) in enumerate(zip(buckets, said, strict=True))]
    marks = _now_line(buckets, width, now, step)
    plot = el(
        "svg",
        join([*grid, *bars, *marks]),
        view_box="0 0 1000 100",
        preserve="none",
        role="group",
        aria_label=label,
    )
    rows = [(b.start.strftime(clock), words) for b, words in zip(buckets, said, strict=True) if words]
    tops = [str(top), _half(top), "0"] if rows else ["", "", "0"]
    return History(plot, tops, _ticks(buckets, width, now, clock), rows)


def ceiling(most: int) -> int:
    """The axis top: the next of 1, 2, 4, 5, 8 times a power of ten."""
    power = 1
    while True:
        for lead in (1, 2, 4, 5, 8):
            if lead * power >= most:
                return lead * power
        power *= 10


def _half(top: int) -> str:
    return f"{top / 2:g}" if top > 1 else ""


def _bar(bucket: Bucket, words: str, x: float, step: float, top: int) -> Svg | str:
    """A piece for each look, one link over them all: what `el` would give, quicker, since there are hundreds."""
    if not words:
        return ""
    pieces, y = [], HEIGHT
    left, wide = number(x + 1.2), number(max(step - 2.4, 1))
    for look in STACK:
        if count := bucket.counts.get(look, 0):
            height = max(count / top * HEIGHT, 1.0)
            y -= height
            place = f'x="{left}" y="{number(y)}" width="{wide}" height="{number(max(height - GAP, 1))}"'
            pieces.append(f'<rect data-s="{look}" {place}/>')
    hit = f'<rect class="hit" x="{number(x)}" y="0" width="{number(step)}" height="{number(HEIGHT)}"/>'
    return Svg(f'<a href="{escape(bucket.href)}"><title>{words}</title>{hit}{"".join(pieces)}</a>')


def _sentence(counts: Mapping[str, int]) -> str:
    return ", ".join([f"{counts[look]} {look}" for look in STACK if counts.get(look)])


def _now_line(buckets: Sequence[Bucket], width: timedelta, now: datetime, step: float) -> list[Svg]:
    passed = _between(buckets[0].start, now) / width if buckets else -1
    if not 0 <= passed < len(buckets):
        return []
    x = passed * step
    return [el("line", class_="now", x1=x, x2=x, y1=-6, y2=100)]


def _between(time: datetime, later: datetime) -> timedelta:
    """What passed between two times: of two in one zone Python subtracts the hands of the clock, which may jump."""
    return later.astimezone(UTC) - time.astimezone(UTC)


def _ticks(buckets: Sequence[Bucket], width: timedelta, now: datetime, clock: str) -> list[str]:
    """Nine labels under the plot, one each ninth; the one nearest to now says so."""
    if not buckets:
        return []
    whole = width * len(buckets)
    times = [buckets[index * len(buckets) // TICKS].start for index in range(TICKS)]
    said = ["now" if abs(_between(time, now)) <= whole / TICKS / 2 else time.strftime(clock) for time in times]
    return [text if text != before else "" for before, text in zip(["", *said], said, strict=False)]
