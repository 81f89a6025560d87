"""Where the nodes of a radar stand: rings by depth, angles by descendants and parents."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

FIRST, APART, LEAST_GAP = 42.0, 30.0, 24.0
PASSES = 60
Point = tuple[float, float]


def layout(upstream: Mapping[str, Sequence[str]], rings: Mapping[str, int]) -> dict[str, Point]:
    """Where each node stands: the fullest ring is shared by descendants, deeper nodes follow their parents, and those
    before it follow their children."""
    after, fullest = below(upstream), _fullest(rings)
    angles = _shared_circle([id for id in upstream if rings[id] == fullest], after)
    for ring in range(fullest - 1, 0, -1):
        angles |= _follow(angles, {id: after.get(id, ()) for id in upstream if rings[id] == ring}, ring)
    for ring in range(fullest + 1, max(rings.values(), default=1) + 1):
        angles |= _follow(angles, {id: ups for id, ups in upstream.items() if rings[id] == ring}, ring)
    return {key: _at(angle, radius(rings[key])) for key, angle in angles.items()}


def _fullest(rings: Mapping[str, int]) -> int:
    """The ring with the most nodes; of equals the innermost."""
    counts = Counter(rings.values())
    return min(counts, key=lambda ring: (-counts[ring], ring), default=1)


def _follow(angles: Mapping[str, float], kin: Mapping[str, Sequence[str]], ring: int) -> dict[str, float]:
    """A ring's nodes, each in the middle of its kin, far enough from its neighbours."""
    wanted = {id: _mean([angles[each] for each in several if each in angles]) for id, several in kin.items()}
    return spread(wanted, LEAST_GAP / radius(ring))


def radius(ring: int) -> float:
    """How far a ring is from the centre; the first is 1."""
    return FIRST + APART * (ring - 1)


def spread(wanted: Mapping[str, float], gap: float) -> dict[str, float]:
    """Push angles apart until neighbours are `gap` apart, as little as needed; evenly when the ring is full."""
    order = sorted(wanted, key=lambda key: wanted[key])
    if len(order) * gap >= math.tau:
        return {key: wanted[order[0]] + math.tau * index / len(order) for index, key in enumerate(order)}
    angles = [wanted[key] for key in order]
    for _ in range(PASSES):
        if not _push(angles, gap):
            break
    return dict(zip(order, angles, strict=True))


def _push(angles: list[float], gap: float) -> bool:
    """Part each pair of neighbours on the circle that stands too close; whether any did."""
    moved = False
    for index in range(len(angles) if len(angles) > 1 else 0):
        after = (index + 1) % len(angles)
        room = (angles[after] - angles[index]) + (math.tau if after == 0 else 0.0)
        if room < gap - 1e-6:
            angles[index] -= (gap - room) / 2
            angles[after] += (gap - room) / 2
            moved = True
    return moved


def below(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What waits for each node."""
    found: dict[str, list[str]] = {}
    for id, ups in upstream.items():
        for up in ups:
            found.setdefault(up, []).append(id)
    return found


def _shared_circle(ids: Sequence[str], after: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The circle in shares, as large as there are nodes that depend on each."""
    weights = [math.sqrt(len(reach(id, after))) for id in ids]
    total, turn, angles = sum(weights) or 1.0, -math.pi / 2, {}
    for id, weight in zip(ids, weights, strict=True):
        share = math.tau * weight / total
        angles[id] = turn + share / 2
        turn += share
    return angles


def reach(start: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """All that can be reached from a node over edges, itself included."""
    seen, stack = {start}, [start]
    while stack:
        for key in edges.get(stack.pop(), ()):
            if key not in seen:
                seen.add(key)
                stack.append(key)
    return seen


def _mean(angles: list[float]) -> float:
    return math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles))) if angles else 0.0


def _at(angle: float, radius: float) -> Point:
    return radius * math.cos(angle), radius * math.sin(angle)
