"""A slow oracle for schedules: it walks through time minute by minute and asks whether a rule matches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def field_holds(field: str, value: int, low: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, 10_000
        else:
            first, _, last = span.partition("-")
            first, last = int(first), int(last or first)
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def cron_holds(cron: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = cron.split()
    by_day, by_weekday = field_holds(day, wall.day, 1), field_holds(weekday, wall.isoweekday() % 7, 0)
    either = by_day or by_weekday if "*" not in (day, weekday) else by_day and by_weekday
    return (
        field_holds(minute, wall.minute, 0)
        and field_holds(hour, wall.hour, 0)
        and field_holds(month, wall.month, 1)
        and either
    )


def real_time(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Each instant in [start, end) whose wall time matches."""
    instant = start
    while instant < end:
        if cron_holds(cron, instant.astimezone(zone).replace(tzinfo=None)):
            yield instant
        instant += MINUTE


def times_of_day(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Each matching wall time once; one that clocks never show fires when they next move on."""
    shown: dict[datetime, datetime] = {}
    instant = start - timedelta(hours=26)
    while instant < end + timedelta(hours=26):
        shown.setdefault(instant.astimezone(zone).replace(tzinfo=None, fold=0), instant)
        instant += MINUTE
    found, wall, last = set(), min(shown), max(shown)
    waiting = False
    while wall <= last:
        waiting = waiting or cron_holds(cron, wall)
        if waiting and wall in shown:
            found.add(shown[wall])
            waiting = False
        wall += MINUTE
    return sorted(moment for moment in found if start <= moment < end)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
