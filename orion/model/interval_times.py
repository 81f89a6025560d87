"""The times of an interval schedule: real time below a day, wall time from a day on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from orion.errors import Invalid
from orion.model.zones import DAY, once_a_day, to_wall

LEAST = timedelta(seconds=1)


def step_of(seconds: float) -> timedelta:
    """The interval as a duration; refuses what is under a second or beyond any calendar."""
    try:
        step = timedelta(seconds=seconds)
    except OverflowError:
        raise Invalid(f"An interval of {seconds:g} seconds is too long.") from None
    if step < LEAST:
        raise Invalid(f"An interval of {seconds:g} seconds is too short: one second is the least.")
    return step


def interval_times(seconds: float, anchor: datetime, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants `anchor + n * interval` later than `after`; n may be negative."""
    step = step_of(seconds)
    if step < DAY:
        return _steps(anchor.astimezone(UTC), step, after)
    walls = _steps(to_wall(anchor, zone), step, to_wall(after, zone) - 2 * DAY)
    return (instant for instant in once_a_day(walls, zone) if instant > after)


def _steps(start: datetime, step: timedelta, after: datetime) -> Iterator[datetime]:
    number = (after - start) // step + 1
    while True:
        try:
            moment = start + number * step
        except OverflowError:
            return
        yield moment
        number += 1
