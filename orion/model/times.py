"""Times: aware UTC datetimes everywhere, whole microseconds in SQLite, six digits and `Z` on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EXACT = 4_000_000_000_000_000  # until the year 2096 a float of seconds is exact to the microsecond, and twice as quick


class WholeSecond(datetime):
    """A datetime without a fraction; its own type so that the encoder writes six digits all the same."""

    __slots__ = ()


def utcnow() -> datetime:
    """The wall clock. Called at the doors only; elsewhere `now` is an argument."""
    return datetime.now(UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone counts as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def from_micros(micros: int) -> datetime:
    """The datetime of microseconds since 1970, or the end of the calendar if it lies beyond.

    Most are asked for again: rows of one moment, pages that poll.
    """
    try:
        if micros % 1_000_000 == 0:
            return WholeSecond.fromtimestamp(micros // 1_000_000, UTC)
        if 0 < micros < EXACT:
            return datetime.fromtimestamp(micros / 1_000_000, UTC)
        return EPOCH + timedelta(microseconds=micros)
    except (ValueError, OverflowError):
        return whole((datetime.min if micros < 0 else datetime.max).replace(tzinfo=UTC))


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; without a zone it is taken as UTC. Beyond the ends of the calendar it is the end."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return (datetime.min if moment.year == 1 else datetime.max).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """`2026-11-22T22:16:50.477600Z`: as on the wire."""
    moment = moment if moment.tzinfo is UTC else as_utc(moment)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


def whole(moment: datetime) -> datetime:
    """The same moment, in a type that the wire writes with six digits."""
    if moment.microsecond or type(moment) is WholeSecond:
        return moment
    return WholeSecond(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, 0, moment.tzinfo
    )
