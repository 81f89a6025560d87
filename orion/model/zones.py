"""Time zones: how wall times become instants where an hour is missing or doubled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from orion.errors import Invalid

DAY = timedelta(days=1)


def zone_named(name: str | None) -> tzinfo:
    """The time zone of an IANA name such as `Europe/Berlin`; None means UTC. Unknown names are refused."""
    if name is None or name in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid(f"Unknown time zone {name!r}: use an IANA name such as 'Europe/Berlin'.") from None


def to_wall(instant: datetime, zone: tzinfo) -> datetime:
    """The wall time, without a zone, that clocks in `zone` show at `instant`."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def passes(wall: datetime, zone: tzinfo) -> list[datetime]:
    """The instants at which clocks show `wall`: none in a missing hour, two in a doubled one, else one."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return [first.astimezone(UTC)]
    found = [first.astimezone(UTC), second.astimezone(UTC)]
    return found if to_wall(found[0], zone) == wall else []


def gap_end(wall: datetime, zone: tzinfo) -> datetime:
    """The instant at which the missing hour around `wall` ends: when the clocks are put forward."""
    low, high = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def walls_from(after: datetime, zone: tzinfo) -> datetime:
    """A wall time that no instant later than `after` falls short of, also when clocks go back meanwhile."""
    return min(to_wall(after, zone), to_wall(after + DAY, zone) - DAY)


def once_a_day(walls: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    """Each wall time once: its first pass in a doubled hour, the end of the gap in a missing one."""
    last = None
    for wall in walls:
        instant = next(iter(passes(wall, zone)), None) or gap_end(wall, zone)
        if last is None or instant > last:
            yield instant
            last = instant


def every_pass(walls: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    """Each instant that shows one of the ascending `walls`: nothing in a missing hour, both passes of a doubled one."""
    second_passes: list[datetime] = []
    for wall in walls:
        found = passes(wall, zone)
        if not found:
            continue
        while second_passes and second_passes[0] < found[0]:
            yield second_passes.pop(0)
        yield found[0]
        second_passes += found[1:]
    yield from second_passes
