"""The radar: tasks on rings by how deep they depend on others, the run in the centre."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from orion.web.charts.gantt import depths, family
from orion.web.charts.radar_layout import APART, FIRST, Point, below, layout, reach
from orion.web.charts.svg import Svg, el, join, number

MOST_NODES, MOST_LABELS, MOST_RINGS = 200, 12, 40
MOST_LINES, MANY_NODES = 16, 60
LEAST_WIDE, LEAST_WIDE_FULL = 300, 400  # a picture of few rings is not blown up
LETTER, LABEL_HEIGHT, MOST_LETTERS = 5.4, 10.0, 24
SHOWS = ("all", "path", "failed")
FAILED = ("failed", "crashed")
NOT_RUN = ("pending", "scheduled", "late", "paused")


class Node(msgspec.Struct, frozen=True, gc=False):
    """A task run on the radar: what it is called, how it looks, what it waited for, where a click leads.

    The id of one that stands for `many` narrows the list of tasks to them; `task` is the one that it stands for alone.
    """

    id: str
    name: str
    look: str
    upstream: Sequence[str] = ()
    href: str = ""
    leads_on: bool = False
    many: bool = False
    task: str = ""


class Task(Protocol):
    """What a node says of a task run, as spans of a timeline do, too."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def look(self) -> str: ...
    @property
    def upstream(self) -> Sequence[str]: ...
    @property
    def href(self) -> str: ...
    @property
    def leads_on(self) -> bool: ...


def radar(
    nodes: Sequence[Node], centre: str, *, focus: str | None = None, full: bool = False, show: str = "path"
) -> Svg:
    """Draw the run's tasks; `centre` is the run's look.

    `show` is what is not dimmed: all, the path of the focus, or the paths into what failed.
    """
    nodes = drawable(nodes)
    rings = depths(_upstream(nodes))
    places = layout(_upstream(nodes), rings)
    deepest = max(rings.values(), default=1)
    radius = FIRST + APART * (deepest - 1)
    half = radius + 20
    wide = max(2 * half + 32, LEAST_WIDE_FULL if full else LEAST_WIDE)
    lit = lit_of(nodes, focus, show)
    parts = [
        *(el("circle", class_="ring", cx=0, cy=0, r=FIRST + APART * ring) for ring in range(deepest)),
        *_edges(nodes, places, lit if len(lit) < len(nodes) or focus else None),
        el("circle", data_s=centre, cx=0, cy=0, r=9),
        *(_node(node, places[node.id], focus, lit) for node in nodes),
        *_labels(nodes, places, focus, full, wide / 2 - 2),
        *(_number(ring, places) for ring in range(1, deepest)),
    ]
    box = f"{number(-wide / 2)} {number(-half)} {number(wide)} {number(2 * half)}"
    return el(
        "svg",
        join(parts),
        class_=_density(nodes),
        view_box=box,
        role="group",
        aria_label=sentence(nodes, deepest),
    )


def _number(ring: int, places: Mapping[str, tuple[float, float]]) -> Svg:
    """The number of a ring at its foot; at its head where a task stands at the foot."""
    radius = FIRST + APART * ring
    taken = any(abs(x) < 12 and abs(y - radius) < 12 for x, y in places.values())
    return el("text", str(ring + 1), class_="d", x=0, y=(-radius if taken else radius) + 3)


def drawable(nodes: Sequence[Node]) -> list[Node]:
    """The nodes themselves; where there are too many for a picture one for all of a name, or else of a ring."""
    keys = keys_of(nodes)
    return together(nodes, keys) if keys else list(nodes)


def keys_of(nodes: Sequence[Task]) -> dict[str, str]:
    """The group that each node is drawn in, as the list of tasks is narrowed to it; none where all have room."""
    if len(nodes) <= MOST_NODES:
        return {}
    named = by_name(nodes)
    return named if len(set(named.values())) <= MOST_NODES else by_ring(nodes)


def _density(nodes: Sequence[Node]) -> str | None:
    """Many lines into one task are drawn thin, so that they do not become a sheet."""
    most = max((len(node.upstream) for node in nodes), default=0)
    return "dense" if most > MOST_LINES or len(nodes) > MANY_NODES else None


def lit_of(nodes: Sequence[Node], focus: str | None, show: str) -> set[str]:
    """Which nodes are not dimmed."""
    failed = [node.id for node in nodes if node.look in FAILED]
    if show == "failed" and failed:
        return set().union(*(path_of(nodes, id) for id in failed))
    return path_of(nodes, focus) if show == "path" and focus else {node.id for node in nodes}


def path_of(nodes: Sequence[Node], focus: str) -> set[str]:
    """The focused task, all it waited for and all that waits for it."""
    above = _upstream(nodes)
    return reach(focus, above) | reach(focus, below(above))


def _upstream(nodes: Sequence[Task]) -> dict[str, Sequence[str]]:
    return {node.id: node.upstream for node in nodes}


def by_name(nodes: Sequence[Task]) -> dict[str, str]:
    """All tasks of a name and look are one group, so that a mapped thousand stays a picture."""
    said = cache(lambda name, look: urlencode({"of": name, "state": look}))
    return {node.id: said(family(node.name), node.look) for node in nodes}


def by_ring(nodes: Sequence[Task]) -> dict[str, str]:
    """All tasks of a ring (or of some rings) and look are one, where each has a name of its own."""
    rings = depths(_upstream(nodes))
    band = math.ceil(max(rings.values(), default=1) / MOST_RINGS)

    @cache
    def said(at: int, look: str) -> str:
        first, last = at * band + 1, (at + 1) * band
        return urlencode({"ring": f"{first}-{last}" if last > first else first, "state": look})

    return {node.id: said((rings[node.id] - 1) // band, node.look) for node in nodes}


def together(nodes: Sequence[Task], keys: Mapping[str, str]) -> list[Node]:
    """One node for each group."""
    members: dict[str, list[Task]] = {}
    for node in nodes:
        key = keys[node.id]
        if key in members:
            members[key].append(node)
        else:
            members[key] = [node]
    return [_merged(key, many, keys) for key, many in members.items()]


def sentence(nodes: Sequence[Node], deepest: int) -> str:
    """What the picture says, for who cannot see it."""
    failed = [node.name for node in nodes if node.look in FAILED]
    waiting = sum(1 for node in nodes if node.look in NOT_RUN)
    told = [f"Dependency radar: {len(nodes)} tasks on {deepest} rings"]
    told += [f"{', '.join(failed[:3])} failed"] if failed else []
    told += [f"{waiting} not run"] if waiting else []
    return "; ".join(told)


def _merged(key: str, many: list[Task], keys: Mapping[str, str]) -> Node:
    above = {up for node in many for up in node.upstream}
    upstream, only = sorted({keys[up] for up in above if up in keys} - {key}), many[0]
    if len(many) == 1:
        return Node(key, only.name, only.look, upstream, only.href, only.leads_on, task=only.id)
    named = key.startswith("of=")
    name = f"{family(only.name)} ×{len(many)}" if named else f"{only.name} and {len(many) - 1} more"
    return Node(key, name, only.look, upstream, many=True)


def _edges(nodes: Sequence[Node], places: Mapping[str, Point], lit: set[str] | None) -> list[Svg]:
    """The lines, those that matter drawn last; a task that waited for none hangs on the centre."""
    looks = {node.id: node.look for node in nodes}
    cold: list[Svg] = []
    hot: list[Svg] = []
    for node in nodes:
        ups = [key for key in node.upstream if key in places]
        if not ups:
            on_path = lit is not None and node.id in lit
            cold.append(el("path", class_=_words("edge", on=on_path), d=_edge((0.0, 0.0), places[node.id])))
        for up in ups:
            into_failure = node.look in FAILED and looks[up] == "completed"
            on_path = lit is not None and node.id in lit and up in lit
            words = _words("edge", hot=into_failure, dim=node.look in NOT_RUN, on=on_path)
            line = el("path", class_=words, d=_edge(places[up], places[node.id]))
            (hot if into_failure or on_path else cold).append(line)
    return cold + hot


def _words(*always: str, **when: bool) -> str:
    """Class names: those always there, and those that apply."""
    return " ".join([*always, *(name for name, applies in when.items() if applies)])


def _edge(start: Point, end: Point) -> str:
    (x1, y1), (x2, y2) = start, end
    near, far = math.hypot(x1, y1), math.hypot(x2, y2)
    if not near:
        return f"M0 0L{number(x2)} {number(y2)}"
    middle = (near + far) / 2
    handles = (x1 * middle / near, y1 * middle / near, x2 * middle / far, y2 * middle / far)
    a, b, c, d = map(number, handles)
    return f"M{number(x1)} {number(y1)}C{a} {b} {c} {d} {number(x2)} {number(y2)}"


def _node(node: Node, place: Point, focus: str | None, lit: set[str]) -> Svg:
    x, y = place
    failed, focused = node.look in FAILED, node.id == focus
    names = ["hollow" if node.look in NOT_RUN else "", "off" if node.id not in lit else ""]
    size = 7.5 if focused else 8 if failed else 6.5
    dot = el("circle", data_s=node.look, class_=" ".join(filter(None, names)) or None, cx=x, cy=y, r=size)
    halo = (
        el("circle", class_="halo focus" if focused else "halo", cx=x, cy=y, r=14)
        if failed or focused
        else None
    )
    outline = el("circle", class_="ring", cx=x, cy=y, r=size + 3) if node.leads_on else None
    return join(
        [halo or "", outline or "", el("a", el("title", f"{node.name} · {node.look}"), dot, href=node.href)]
    )


def _labels(
    nodes: Sequence[Node], places: Mapping[str, Point], focus: str | None, full: bool, edge: float
) -> list[Svg]:
    """Names where they help: the focus, what failed, runs or was not run; all of a small full-page radar.

    A name that finds no room beside its task is left to the tooltip.
    """
    rank = {"failed": 1, "crashed": 1, "running": 2}
    spoken = [
        n
        for n in nodes
        if n.id == focus or n.look in rank or n.look in NOT_RUN or (full and len(nodes) <= 24)
    ]
    spoken.sort(key=lambda n: 0 if n.id == focus else rank.get(n.look, 3))
    labels: list[Svg] = []
    taken = [Box(x - 7, y - 7, x + 7, y + 7) for x, y in places.values()]
    for node in spoken[: 24 if full else MOST_LABELS]:
        for spot in _spots(node, places[node.id]):
            if spot.box.within(edge) and not any(spot.box.meets(other) for other in taken):
                taken.append(spot.box)
                labels.append(_label(node, spot, node.id == focus))
                break
    return labels


@dataclass(frozen=True)
class Box:
    """A rectangle that words or a task take up."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether two overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, edge: float) -> bool:
        """Whether it lies inside the drawing, which reaches as far on every side."""
        return -edge <= self.left and self.right <= edge


@dataclass(frozen=True)
class Spot:
    """A place for a name: where its text is written, how it is aligned, and what it covers."""

    x: float
    y: float
    side: str | None
    box: Box


def _spots(node: Node, place: Point) -> list[Spot]:
    """Above or below the task, the outer side first; else beside it."""
    (x, y), wide = place, LETTER * min(len(node.name), MOST_LETTERS)
    over, under = (y - 13, y + 19) if y <= 0 else (y + 19, y - 13)
    middle = [
        Spot(x, at, None, Box(x - wide / 2, at - 7, x + wide / 2, at + LABEL_HEIGHT - 7))
        for at in (over, under)
    ]
    beside = [
        Spot(x + 12, y + 3, "s", Box(x + 12, y - 4, x + 12 + wide, y + LABEL_HEIGHT - 4)),
        Spot(x - 12, y + 3, "e", Box(x - 12 - wide, y - 4, x - 12, y + LABEL_HEIGHT - 4)),
    ]
    return [*middle, *(beside if x >= 0 else beside[::-1])]


def _label(node: Node, spot: Spot, focused: bool) -> Svg:
    name = "focus" if focused else "on" if node.look in FAILED else None
    text = node.name if len(node.name) <= MOST_LETTERS else node.name[: MOST_LETTERS - 1] + "…"
    return el("text", text, class_=" ".join(filter(None, (name, spot.side))) or None, x=spot.x, y=spot.y)
