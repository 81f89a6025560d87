"""Charts as templates call them: the drawing of `charts/`, with links from this page and times in the viewer's zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import structs

from orion.web.charts import bars, calendar, durations, gantt, history, pairs, radar
from orion.web.charts.svg import Svg
from orion.web.display import viewer

Link = Callable[[str], str]


@dataclass(frozen=True)
class RunHistory:
    """What a history shows: buckets of `seconds` each, the moment that is now, and how the axis tells time."""

    buckets: Sequence[history.Bucket]
    seconds: float
    now: datetime
    clock: str
    label: str


def draw_history(data: RunHistory, link: Link) -> history.History:
    """The run history of a list page; each bar leads to its own runs."""
    local = viewer.get().local
    buckets = [history.Bucket(local(each.start), each.counts, link(each.href)) for each in data.buckets]
    return history.history(buckets, timedelta(seconds=data.seconds), local(data.now), data.clock, data.label)


def draw_radar(
    nodes: Sequence[radar.Node],
    centre: str,
    link: Link,
    *,
    focus: str | None = None,
    full: bool = False,
    target: str = "",
    tasks: str = "",
    show: str = "path",
) -> Svg:
    """A run's radar; a click leads to the node's own page, or to `target` and its id; on many at once to `tasks`."""
    led = [structs.replace(node, href=link(_way(node, target, tasks))) for node in radar.drawable(nodes)]
    return radar.radar(led, centre, focus=focus, full=full, show=show)


def _way(node: radar.Node, target: str, tasks: str) -> str:
    if node.many:
        return f"{tasks}?{node.id}"
    return target + (node.task or node.id) if target else node.href


def draw_durations(
    dots: Sequence[durations.Dot], now: datetime, link: Link, usual: float | None = None
) -> durations.Durations:
    """Runs by when they began and how long they took, from the first of them until now."""
    start = min((dot.time for dot in dots), default=now - timedelta(days=1))
    led = [replace(dot, href=link(dot.href)) for dot in dots]
    return durations.durations(led, start, max(now, start), usual)


def draw_bars(
    runs: Sequence[bars.Bar],
    slots: int,
    height: float = 24,
    usual: float | None = None,
    link: Link | None = None,
) -> Svg:
    """The last runs as small bars; those that lead to their runs need a `link`."""
    led = [structs.replace(bar, href=link(bar.href)) if bar.href else bar for bar in runs] if link else runs
    return bars.bars(led, slots=slots, height=height, usual=usual)


CHARTS = {
    "history": draw_history,
    "radar": draw_radar,
    "bars": draw_bars,
    "durations": draw_durations,
    "gantt": gantt.draw,
    "calendar": calendar.calendar,
    "pair": pairs.pair,
    "progress": bars.progress,
}
