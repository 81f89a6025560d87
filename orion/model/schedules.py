"""Schedules as data: interval, cron and recurrence rule, told apart by their keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from orion.model.wire import decode, encode


class IntervalSchedule(Struct, kw_only=True, forbid_unknown_fields=True):
    """Every `interval` seconds, counted from `anchor_date`."""

    interval: Annotated[float, Meta(gt=0)]
    anchor_date: datetime | None = None
    timezone: str | None = None


class CronSchedule(Struct, kw_only=True, forbid_unknown_fields=True):
    """Five fields of cron, in the wall time of `timezone`."""

    cron: Annotated[str, Meta(min_length=1, max_length=1000)]
    timezone: str | None = None
    day_or: bool = True


class RRuleSchedule(Struct, kw_only=True, forbid_unknown_fields=True):
    """A recurrence rule of RFC 5545, in the wall time of `timezone`."""

    rrule: Annotated[str, Meta(min_length=1, max_length=6500)]
    timezone: str | None = None


Schedule = IntervalSchedule | CronSchedule | RRuleSchedule


def from_dict(data: dict[str, Any]) -> Schedule:
    """The schedule that `data` describes; raises `errors.Invalid` when it describes none."""
    for key, kind in (("interval", IntervalSchedule), ("cron", CronSchedule), ("rrule", RRuleSchedule)):
        if data.get(key) is not None:
            schedule: Schedule = decode(encode({k: v for k, v in data.items() if v is not None}), kind)
            return schedule
    from orion.errors import Invalid

    raise Invalid("A schedule needs one of the keys interval, cron or rrule.")
