"""The times of a cron schedule: five fields in wall time, with cron's own rule for missing and doubled hours.

A rule whose minute or hour begins with `*` counts real time, so that both passes of a doubled hour fire.
Any other rule names times of day: each fires once a day, the first pass in autumn, the end of the gap in spring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from orion.errors import Invalid
from orion.model.zones import every_pass, once_a_day, walls_from

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
        raise Invalid(
            f"Cron rule {cron!r} has {len(fields)} fields: give minute, hour, day, month and weekday."
        )
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
    from croniter import CroniterBadDateError, CroniterError, croniter

    earlier = start - timedelta(microseconds=1)
    try:
        rule = croniter(" ".join(fields), earlier, day_or=day_or, max_years_between_matches=YEARS_AHEAD)
    except (CroniterError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"Cron rule {cron!r} cannot be read: {error}") from None
    while True:
        try:
            yield rule.get_next(datetime)
        except (CroniterBadDateError, OverflowError, ValueError):
            return
