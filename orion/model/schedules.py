"""Schedules as data: interval, cron and recurrence rule, told apart by their keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from orion.errors import Invalid
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


FORMS = (("interval", IntervalSchedule), ("cron", CronSchedule), ("rrule", RRuleSchedule))
FIELDS = {
    "interval": "a number of seconds above 0",
    "anchor_date": "a time such as 2026-01-01T00:10, by the clock of its zone",
    "cron": "five fields of at most 1000 characters, such as 0 6 * * *",
    "rrule": "a rule of at most 6500 characters, such as FREQ=DAILY",
    "timezone": "the name of a time zone, such as Europe/Berlin",
    "day_or": "true or false",
}


def from_dict(data: dict[str, Any]) -> Schedule:
    """The schedule that `data` describes; raises `errors.Invalid` when it describes none."""
    for key, kind in FORMS:
        if data.get(key) is not None:
            return _read({name: value for name, value in data.items() if value is not None}, kind)
    raise Invalid("A schedule needs one of the keys interval, cron or rrule.")


def _read(data: dict[str, Any], kind: type[Schedule]) -> Schedule:
    try:
        schedule: Schedule = decode(encode({**data, **_anchor(data)}), kind)
        return schedule
    except Invalid as error:
        raise Invalid(_reason((error.detail or [{}])[0], data)) from None


def _anchor(data: dict[str, Any]) -> dict[str, Any]:
    """An anchor as people write it, `2026-01-01` or `2026-01-01T00:10`: by the clock of the schedule's zone."""
    given = data.get("anchor_date")
    if not isinstance(given, str):
        return {}
    try:
        return {"anchor_date": datetime.fromisoformat(given).isoformat()}
    except ValueError:
        return {}


def _reason(fault: dict[str, Any], data: dict[str, Any]) -> str:
    """What is wrong with which field, in a sentence that needs nothing beside it."""
    name = str((fault.get("loc") or [""])[-1])
    if name in FIELDS:
        return f"The {name} of a schedule is {FIELDS[name]}, not {data.get(name)!r:.80}."
    return f"A schedule cannot be read: {fault.get('msg')}."
