"""The times of a recurrence rule (RFC 5545), in the wall time of the zone of its start.

Rules by the hour, minute or second count real time; all others fire once for each wall time.
A rule may be written so that it never fires, or fires once a second since 1900: every search here has an end.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from orion.errors import Invalid
from orion.model.zones import every_pass, once_a_day, to_wall, walls_from, zone_named

if TYPE_CHECKING:
    from dateutil.rrule import rrule, rruleset

LONGEST = 6500
DEFAULT_START = datetime(2020, 1, 1)
YEARS_AHEAD = timedelta(days=8 * 366)
DAYS_LOOKED_AT = 60_000
TIMES_PASSED_OVER = 50_000
TIMES_BETWEEN = 1_000_000_000  # once a second for thirty years; who asks for more has mistyped a date

_STEPS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600, "DAILY": 86400, "WEEKLY": 604800}
_REAL_TIME = ("SECONDLY", "MINUTELY", "HOURLY")
_STAMP = re.compile(r"\d{8}T\d{6}Z")


class Exhausted(Exception):
    """The search went further than any sensible rule needs."""


class _Months(tuple[int, ...]):
    """The months in which a rule may fire, asked for each day looked at, and patient only so long."""

    patience = DAYS_LOOKED_AT

    def __contains__(self, month: object) -> bool:
        self.patience -= 1
        if self.patience < 0:
            raise Exhausted
        return super().__contains__(month)


class Rule:
    """A recurrence rule taken apart: its start, its zone and its lines."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        if len(text) > LONGEST:
            raise Invalid(f"The recurrence rule is too long: {LONGEST} characters at most.")
        self.text, self.zone, self.start = text, zone, DEFAULT_START
        lines = [_parts(line) for line in text.replace("\r", "").split("\n") if line.strip()]
        for _, options, value in (line for line in lines if line[0] == "DTSTART"):
            self.zone = _zone_of(options, value, zone)
            self.start = self._moment(value)
        self.lines = [(name, options, value) for name, options, value in lines if name != "DTSTART"]
        if not any(name in ("RRULE", "RDATE") for name, _, _ in self.lines):
            raise Invalid(f"Recurrence rule {text!r} has no RRULE.")

    @property
    def too_far(self) -> Invalid:
        return Invalid(f"Recurrence rule {self.text!r} starts too far in the past: move its DTSTART.")

    @property
    def counts_real_time(self) -> bool:
        """Whether the rule is one of hours, minutes or seconds and not one of times of day."""
        return any(
            _options(value).get("FREQ") in _REAL_TIME for name, _, value in self.lines if name == "RRULE"
        )

    def walls(self, start: datetime) -> Iterator[datetime]:
        """The wall times from `start` on, ascending; ends where the search would take too long."""
        wall = start
        try:
            for passed, wall in enumerate(self._rules(start)):
                if wall >= start:
                    yield wall
                elif passed > TIMES_PASSED_OVER:
                    raise self.too_far
        except (Exhausted, OverflowError):
            if wall < start:
                raise self.too_far from None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise Invalid(f"Recurrence rule {self.text!r} cannot be read: {error}") from None

    def _rules(self, start: datetime) -> rruleset:
        from dateutil.rrule import rruleset

        rules = rruleset()
        for name, options, value in self.lines:
            self._add(rules, name, options, value, start)
        return rules

    def _add(self, rules: rruleset, name: str, options: str, value: str, start: datetime) -> None:
        match name:
            case "RRULE":
                rules.rrule(self._rule(value, start))
            case "EXRULE":
                rules.exrule(self._rule(value, start))
            case "RDATE" | "EXDATE":
                add = rules.rdate if name == "RDATE" else rules.exdate
                for moment in value.split(","):
                    add(self._moment(moment, _zone_of(options, moment, self.zone)))
            case _:
                raise ValueError(f"unknown line {name}")

    def _rule(self, value: str, start: datetime) -> rrule:
        from dateutil.rrule import rrulestr

        if int(_options(value).get("INTERVAL", "1")) < 1:
            raise ValueError("INTERVAL must be 1 or more")
        local = _STAMP.sub(lambda stamp: self._moment(stamp[0], UTC).strftime("%Y%m%dT%H%M%S"), value)
        rule = rrulestr(local, dtstart=self._near(_options(value), start))
        _bound(rule)
        return rule

    def _near(self, options: dict[str, str], start: datetime) -> datetime:
        """A start in step with the rule's own but close to `start`, so that a rule since 1900 is cheap."""
        seconds = _STEPS.get(options.get("FREQ", ""))
        if seconds is None or "COUNT" in options:
            return self.start
        step = timedelta(seconds=seconds * int(options.get("INTERVAL", "1")))
        passed = (start - self.start) // step - 1
        if passed > TIMES_BETWEEN:
            raise self.too_far
        return self.start + max(passed, 0) * step

    def _moment(self, value: str, zone: tzinfo | None = None) -> datetime:
        """A DATE or DATE-TIME value as wall time in the rule's zone."""
        form = "%Y%m%dT%H%M%S" if "T" in value else "%Y%m%d"
        try:
            moment = datetime.strptime(value.strip().rstrip("Z"), form)
        except ValueError:
            raise Invalid(
                f"Recurrence rule {self.text!r} has a date that cannot be read: {value!r}."
            ) from None
        if zone is None or zone == self.zone:
            return moment
        return to_wall(moment.replace(tzinfo=zone), self.zone)


def rrule_times(text: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants later than `after` at which the rule fires; ends when none is near (eight years)."""
    rule = Rule(text, zone)
    walls = rule.walls(walls_from(after, rule.zone))
    spread = every_pass if rule.counts_real_time else once_a_day
    last = after
    for instant in spread(walls, rule.zone):
        if instant - last > YEARS_AHEAD:
            return
        if instant > after:
            yield instant
            last = instant


def has_ended(text: str, zone: tzinfo, after: datetime) -> bool:
    """Whether the rule fired before `after`: it did its work and is over, which is no fault."""
    rule = Rule(text, zone)
    first = next(rule.walls(rule.start), None)
    return first is not None and first <= to_wall(after, rule.zone)


def with_start(text: str) -> str:
    """The rule with its start written out, as it is given back."""
    if "DTSTART" in text.upper():
        return text
    rule = text if ":" in text else f"RRULE:{text}"
    return f"DTSTART:{DEFAULT_START:%Y%m%dT%H%M%S}\n{rule}"


def _bound(rule: Any) -> None:
    """Let the rule give up after so many days without a match: dateutil itself would search to the year 9999."""
    if rule._bymonth or not rule._bynweekday:
        months: Container[int] = _Months(rule._bymonth or range(1, 13))
        rule._bymonth = months


def _parts(line: str) -> tuple[str, str, str]:
    head, colon, value = (
        line.strip().upper().partition(":") if "TZID" not in line.upper() else _with_zone(line)
    )
    if not colon:
        return "RRULE", "", head
    name, _, options = head.partition(";")
    return (name, options, value) if name.isalpha() else ("RRULE", "", line)


def _with_zone(line: str) -> tuple[str, str, str]:
    head, colon, value = line.strip().partition(":")
    name, _, options = head.partition(";")
    return f"{name.upper()};{options}", colon, value.upper()


def _options(value: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in value.split(";") if "=" in part)


def _zone_of(options: str, value: str, default: tzinfo) -> tzinfo:
    if value.strip().endswith("Z"):
        return UTC
    named = [part.split("=", 1)[1] for part in options.split(";") if part.upper().startswith("TZID=")]
    return zone_named(named[0]) if named else default
