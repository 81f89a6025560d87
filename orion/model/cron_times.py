"""The times of a cron schedule: five fields in wall time, with cron's own rule for missing and doubled hours.

A rule whose minute or hour begins with `*` counts real time, so that both passes of a doubled hour fire.
Any other rule names times of day: each fires once a day, the first pass in autumn, the end of the gap in spring.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import product

from orion.errors import Invalid
from orion.model.zones import DAY, every_pass, once_a_day, walls_from

YEARS_AHEAD = 8
LONGEST = 500

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_RANDOM_OR_HASHED = re.compile(r"(?:^|[\s,/-])[RH](?:[\s,/(]|$)", re.IGNORECASE)


def fields_of(cron: str) -> list[str]:
    """The five fields of a rule or of an alias such as `@daily`; refuses what is not a function of time."""
    rule = " ".join(ALIASES.get(cron.strip().lower(), cron).split())
    fields = rule.split(" ")
    if len(cron) > LONGEST:
        raise Invalid(f"The cron rule is too long: {LONGEST} characters at most.")
    if len(fields) != 5:
        number = f"{len(fields)} field" + "s" * (len(fields) != 1)
        raise Invalid(f"Cron rule {cron!r} has {number}, not five: minute, hour, day, month and weekday.")
    if _RANDOM_OR_HASHED.search(rule):
        raise Invalid(f"Cron rule {cron!r} is random or hashed (R, H): name the times instead.")
    return fields


def counts_real_time(fields: list[str]) -> bool:
    """Whether the rule is one of intervals (`*/15`, `0 *`) and not one of times of day."""
    return fields[0].startswith("*") or fields[1].startswith("*")


def cron_times(cron: str, zone: tzinfo, after: datetime, *, day_or: bool = True) -> Iterator[datetime]:
    """The instants later than `after` at which the rule fires; ends when none is near (eight years)."""
    fields = fields_of(cron)
    walls = _walls(cron, fields, walls_from(after, zone), day_or)
    spread = every_pass if counts_real_time(fields) else once_a_day
    return (instant for instant in spread(walls, zone) if instant > after)


def _walls(cron: str, fields: list[str], start: datetime, day_or: bool) -> Iterator[datetime]:
    """The wall times from `start` on: each hour and minute of the rule on each of its days."""
    clock = _clock(cron, " ".join(fields))
    days = f"0 0 {' '.join(fields[2:])}"
    day = _next_day(days, day_or, start.replace(hour=0, minute=0, second=0, microsecond=0))
    while day is not None:
        passed = bisect_left(clock, (start - day).total_seconds() / 60)
        yield from (day + timedelta(minutes=minute) for minute in clock[passed:])
        day = _next_day(days, day_or, day + DAY) if day.year < datetime.max.year else None


@lru_cache(maxsize=1024)
def _clock(cron: str, rule: str) -> tuple[int, ...]:
    """The times of day that a rule names, as minutes since midnight."""
    from croniter import CroniterError, croniter

    try:
        minutes, hours = croniter.expand(rule)[0][:2]
    except (CroniterError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"Cron rule {cron!r} cannot be read: {error}") from None
    every = product(range(24) if hours == ["*"] else hours, range(60) if minutes == ["*"] else minutes)
    return tuple(60 * hour + minute for hour, minute in every)


@lru_cache(maxsize=4096)
def _next_day(days: str, day_or: bool, start: datetime) -> datetime | None:
    """The first day from `start` on that the rule of a midnight names. The same few are asked for all the time."""
    from croniter import CroniterBadDateError, croniter

    earlier = start - timedelta(microseconds=1)
    try:
        rule = croniter(days, earlier, day_or=day_or, max_years_between_matches=YEARS_AHEAD)
        return rule.get_next(datetime)
    except (CroniterBadDateError, OverflowError, ValueError):
        return None
