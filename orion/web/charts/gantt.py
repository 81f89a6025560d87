"""The timeline of a run: one row a task run, one bar a try, a hairline while it waited, a stub where it never ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from orion.web.charts.scale import SEAM, WIDTH, Scale, Stretch, gaps
from orion.web.charts.svg import Svg, el, join, number

LEAST = 3.0
MOST_ROWS, MOST_ALONE, MOST_DRAWN = 60, 20, 200
FAILED = ("failed", "crashed")
GRID = [el("line", x1=x, x2=x, y1=0, y2=25) for x in (0, 250, 500, 750, 1000)]


class Try(msgspec.Struct, frozen=True, gc=False):
    """One stretch of work: seconds since the run's start, and the look of how it ended."""

    start: float
    end: float
    look: str


class Span(msgspec.Struct, frozen=True, gc=False):
    """A task run (or a group of them) as the timeline sees it; `lasting` is one that time alone does not change."""

    id: str
    name: str
    look: str
    tries: Sequence[Try] = ()
    upstream: Sequence[str] = ()
    href: str = ""
    leads_on: bool = False
    size: int = 1
    title: str = ""
    members: Sequence[str] = ()
    lasting: bool = False

    @property
    def start(self) -> float:
        return self.tries[0].start if self.tries else float("inf")

    @property
    def end(self) -> float:
        return self.tries[-1].end if self.tries else float("-inf")

    @property
    def seconds(self) -> float | None:
        """Time spent working, waits between tries left out."""
        return sum(t.end - t.start for t in self.tries) if self.tries else None


@dataclass(frozen=True)
class Row:
    span: Span
    chart: Svg
    critical: bool = False


@dataclass(frozen=True)
class Plan:
    """What there is to draw of a run: rows of their own or grouped, its critical path, and the gaps that are cut."""

    spans: Sequence[Span]
    path: Sequence[Span]
    on_path: frozenset[str]
    critical_seconds: float
    seconds: float
    cuts: Sequence[Stretch] = ()


@dataclass(frozen=True)
class Gantt:
    """The rows in order, the axis in seconds, how long the critical path took, and how many rows found no room."""

    rows: list[Row]
    axis: list[float]
    critical_seconds: float
    cuts: Sequence[Stretch] = ()
    left: int = 0


def gantt(spans: Sequence[Span], seconds: float, sort: str = "start") -> Gantt:
    """Draw a run that took (or is taking) `seconds`; `sort` is start, depth, slowest, or critical: only that path."""
    return draw(plan(spans, seconds), sort)


def plan(spans: Sequence[Span], seconds: float) -> Plan:
    """What is to draw of a run that took (or is taking) `seconds`."""
    on_path = frozenset(critical_path(spans))
    path = [span for span in spans if span.id in on_path]
    length = max((s.end for s in path), default=0.0) - min((s.start for s in path), default=0.0)
    shown = grouped(spans) if len(spans) > MOST_ROWS else list(spans)
    seconds = max(seconds, 0.001)
    busy = ((each.start, each.end) for span in spans for each in span.tries)
    return Plan(shown, path[:MOST_ROWS], on_path, length, seconds, gaps(busy, seconds))


def draw(plan: Plan, sort: str = "start") -> Gantt:
    """Draw it, in an order; where there are too many rows, those that failed come before others."""
    shown = _sorted(plan.path if sort == "critical" else plan.spans, sort)
    left = len(shown) - MOST_DRAWN
    if left > 0:
        kept = {span.id for span in sorted(shown, key=lambda span: span.look not in FAILED)[:MOST_DRAWN]}
        shown = [span for span in shown if span.id in kept]
    scale = Scale(plan.seconds, plan.cuts)
    rows = [_drawn(span, scale, plan.on_path) for span in shown]
    axis = [scale.time(WIDTH * part / 4) for part in range(5)]
    return Gantt(rows, axis, plan.critical_seconds, plan.cuts, max(left, 0))


def _drawn(span: Span, scale: Scale, path: frozenset[str]) -> Row:
    critical = not path.isdisjoint(span.members or (span.id,))
    return Row(span, _row(span, scale, critical), critical)


def critical_path(spans: Sequence[Span]) -> list[str]:
    """Walk back from the task that ended last over whichever upstream ended last."""
    by_id = {span.id: span for span in spans if span.tries}
    path: dict[str, None] = {}
    here = max(by_id.values(), key=_end, default=None)
    while here is not None and here.id not in path:
        path[here.id] = None
        before = [by_id[key] for key in here.upstream if key in by_id]
        here = max(before, key=_end, default=None)
    return list(path)[::-1]


def _end(span: Span) -> float:
    return span.tries[-1].end


def depths(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Ring of each node: one more than the deepest thing it waits for; a circle counts as no further."""
    known: dict[str, int] = {}
    for start in upstream:
        stack = [(start, iter(upstream[start]))]
        opened = {start}
        while stack:
            here, waits = stack[-1]
            up = next((up for up in waits if up in upstream and up not in known and up not in opened), None)
            if up is not None:
                opened.add(up)
                stack.append((up, iter(upstream[up])))
                continue
            known[here] = 1 + max((known.get(up, 0) for up in upstream[here]), default=0)
            opened.discard(here)
            stack.pop()
    return known


@lru_cache(maxsize=20_000)
def family(name: str) -> str:
    """What the tasks of one name are called together: fetch-7 is one of fetch."""
    return name.rpartition("-")[0] or name


def grouped(spans: Sequence[Span]) -> list[Span]:
    """One row for all tasks of a name, the first failed ones kept by themselves."""
    groups: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    alone = MOST_ALONE
    for span in spans:
        if span.look not in FAILED:
            groups[family(span.name), ""].append(span)
        elif alone:
            alone -= 1
            groups[span.name, span.id].append(span)
        else:
            groups[family(span.name), "failed"].append(span)
    return [
        members[0] if len(members) == 1 else _group(name, members) for (name, _), members in groups.items()
    ]


def _group(name: str, members: list[Span]) -> Span:
    ran = [span.tries for span in members if span.tries]
    look = next((s.look for s in members if s.look == "running"), members[0].look)
    tries = [Try(min([t[0].start for t in ran]), max([t[-1].end for t in ran]), look)] if ran else []
    ids = [span.id for span in members]
    return Span(members[0].id, name, look, tries, href=members[0].href, size=len(members), members=ids)


def _sorted(spans: Sequence[Span], sort: str) -> list[Span]:
    if sort == "slowest":
        return sorted(spans, key=lambda span: -(span.seconds or 0))
    if sort == "depth":
        ring = depths({span.id: span.upstream for span in spans})
        return sorted(spans, key=lambda span: (ring[span.id], span.start))
    return sorted(spans, key=lambda span: span.start)


def _row(span: Span, scale: Scale, critical: bool) -> Svg:
    marks = _bars(span, scale) if span.tries else [el("path", class_="ghost", d="M985 12.5H1000")]
    if critical:
        first, last = scale.x(span.start), max(scale.x(span.end), scale.x(span.start) + LEAST)
        marks.append(el("path", class_="crit", d=f"M{number(first)} 21.5H{number(last)}"))
    cuts = [
        el("rect", class_="seam", x=scale.x(start), y=0, width=SEAM, height=25) for start, _ in scale.cuts
    ]
    return el(
        "svg",
        join([*GRID, *marks, *cuts]),
        class_="row",
        view_box="0 0 1000 25",
        preserve="none",
        aria_hidden="true",
    )


def _bars(span: Span, scale: Scale) -> list[Svg]:
    marks: list[Svg] = []
    for index, attempt in enumerate(span.tries):
        if index:
            waited = scale.x(span.tries[index - 1].end)
            marks.append(
                el(
                    "rect",
                    class_="wait",
                    x=waited,
                    y=12,
                    width=max(scale.x(attempt.start) - waited, 0),
                    height=1,
                )
            )
        width = max(scale.x(attempt.end) - scale.x(attempt.start), LEAST)
        x = min(scale.x(attempt.start), WIDTH - width)
        earlier = "try" if index < len(span.tries) - 1 else None
        marks.append(
            el("rect", data_s=attempt.look, class_=earlier, x=x, y=6.5, width=width, height=12, rx=2)
        )
    return marks
