"""When a schedule is due: one pure function over the three forms, and the check that a schedule makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice

import msgspec

from orion.errors import Invalid
from orion.model.cron_times import cron_times, fields_of
from orion.model.interval_times import interval_times
from orion.model.rrule_times import has_ended, rrule_times, with_start
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from orion.model.times import EPOCH, as_utc
from orion.model.zones import zone_named

MOST_AT_ONCE = 10_000


def due_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The instants later than `after`, ascending, in UTC; at most `MOST_AT_ONCE` for one call."""
    return islice(_unbounded(schedule, as_utc(after)), MOST_AT_ONCE)


def next_times(schedule: Schedule, after: datetime, count: int = 10) -> list[datetime]:
    """The next `count` times, fewer when the schedule ends."""
    return list(islice(due_times(schedule, after), count))


def settled(schedule: Schedule, now: datetime) -> Schedule:
    """The schedule as it is stored: checked, and with its anchor or start written out."""
    match schedule:
        case IntervalSchedule(anchor_date=None):
            schedule = msgspec.structs.replace(schedule, anchor_date=as_utc(now).replace(microsecond=0))
        case RRuleSchedule():
            schedule = msgspec.structs.replace(schedule, rrule=with_start(schedule.rrule))
    check(schedule, now)
    return schedule


def check(schedule: Schedule, now: datetime) -> None:
    """Refuse a schedule that cannot be read or never fires: `Invalid`, with the reason."""
    if next(due_times(schedule, now), None) is not None:
        return
    match schedule:
        case CronSchedule():
            fields_of(schedule.cron)
            raise Invalid(f"Cron rule {schedule.cron!r} has no time in the next eight years.")
        case RRuleSchedule() if not has_ended(schedule.rrule, zone_named(schedule.timezone), as_utc(now)):
            raise Invalid(f"Recurrence rule {schedule.rrule!r} has no time in the next eight years.")
        case IntervalSchedule():
            raise Invalid(
                f"An interval of {schedule.interval:g} seconds has no time that a calendar can hold."
            )


def zone_of(schedule: Schedule) -> tzinfo:
    """The zone in which people read the schedule."""
    if schedule.timezone is None and isinstance(schedule, IntervalSchedule) and schedule.anchor_date:
        return schedule.anchor_date.tzinfo or zone_named(None)
    return zone_named(schedule.timezone)


def _unbounded(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    zone = zone_of(schedule)
    match schedule:
        case IntervalSchedule():
            anchor = schedule.anchor_date or EPOCH
            anchor = anchor if anchor.tzinfo else anchor.replace(tzinfo=zone)
            return interval_times(schedule.interval, anchor, zone, after)
        case CronSchedule():
            return cron_times(schedule.cron, zone, after, day_or=schedule.day_or)
        case RRuleSchedule():
            return rrule_times(schedule.rrule, zone, after)
