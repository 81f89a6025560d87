"""Schedules where an hour is missing or doubled: the named cases, and a slow oracle over real zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orion.model.schedule_times import due_times, next_times
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from tests.schedules.oracle import real_time, times_of_day, utc

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
SPRING, AUTUMN = (
    utc(2026, 3, 29),
    utc(2026, 10, 25),
)  # Berlin: 02:00 -> 03:00 at 01:00Z; 03:00 -> 02:00 at 01:00Z

ZONES = [BERLIN, NEW_YORK, "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "Antarctica/Troll",
         "Asia/Tehran", "Asia/Kolkata", "Pacific/Chatham", "America/Havana", "Asia/Gaza", "UTC"]  # fmt: skip


def hours(schedule: Schedule, day: datetime) -> list[str]:
    """What is due on one UTC day, as HH:MM in UTC."""
    due = due_times(schedule, day - timedelta(microseconds=1))
    return [f"{moment:%H:%M}" for moment in takewhile(lambda moment: moment < day + timedelta(days=1), due)]


@pytest.mark.row("SCH-04")
@pytest.mark.parametrize(
    ("cron", "day", "expected"),
    [
        ("30 2 * * *", SPRING, ["01:00"]),  # missing: at the end of the gap
        ("0,30 2 * * *", SPRING, ["01:00"]),  # both are missing, and there is one end of the gap
        ("30 2,3 * * *", SPRING, ["01:00", "01:30"]),
        ("0 2,3 * * *", SPRING, ["01:00"]),
        ("30 2 * * *", AUTUMN, ["00:30"]),  # doubled: the first pass
        ("0 9 * * *", SPRING, ["07:00"]),
        ("0 9 * * *", AUTUMN, ["08:00"]),
        ("*/30 2 * * *", SPRING, []),  # counts real time: no such hour
        ("*/30 2 * * *", AUTUMN, ["00:00", "00:30", "01:00", "01:30"]),
        ("0 * * * *", SPRING, [f"{hour:02}:00" for hour in range(24)]),
        ("0 * * * *", AUTUMN, [f"{hour:02}:00" for hour in range(24)]),
        ("30 */2 * * *", AUTUMN, ["00:30", "01:30"] + [f"{hour:02}:30" for hour in range(3, 24, 2)]),
    ],
)
def test_cron_fires_by_the_vixie_rule(cron: str, day: datetime, expected: list[str]) -> None:
    assert hours(CronSchedule(cron=cron, timezone=BERLIN), day) == expected


@pytest.mark.row("SCH-05")
def test_an_interval_below_a_day_counts_real_time() -> None:
    schedule = IntervalSchedule(interval=6 * 3600, anchor_date=utc(2026, 1, 1, 3), timezone=BERLIN)
    assert hours(schedule, SPRING) == hours(schedule, AUTUMN) == ["03:00", "09:00", "15:00", "21:00"]


@pytest.mark.row("SCH-05")
@pytest.mark.parametrize(
    ("anchor", "day", "expected"),
    [
        (utc(2026, 1, 1, 8), SPRING, ["07:00"]),  # 09:00 in winter stays 09:00 in summer
        (utc(2026, 1, 1, 1, 30), SPRING, ["01:00"]),  # 02:30 is missing
        (utc(2026, 7, 1, 0, 30), AUTUMN, ["00:30"]),  # 02:30 is doubled
        (utc(2027, 1, 1, 8), AUTUMN, ["08:00"]),  # the anchor is not a start
    ],
)
def test_an_interval_of_days_keeps_the_wall_time(
    anchor: datetime, day: datetime, expected: list[str]
) -> None:
    assert hours(IntervalSchedule(interval=86400, anchor_date=anchor, timezone=BERLIN), day) == expected


def test_an_interval_without_a_zone_keeps_the_offset_of_its_anchor() -> None:
    anchor = datetime.fromisoformat("2026-01-01T09:00:00+02:00")
    assert hours(IntervalSchedule(interval=86400, anchor_date=anchor), SPRING) == ["07:00"]


@pytest.mark.row("SCH-06")
@pytest.mark.parametrize(
    ("rule", "day", "expected"),
    [
        ("DTSTART;TZID=Europe/Berlin:20260101T090000\nRRULE:FREQ=DAILY", SPRING, ["07:00"]),
        ("DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY", SPRING, ["09:00"]),
        ("DTSTART;TZID=Europe/Berlin:20260101T023000\nRRULE:FREQ=DAILY", SPRING, ["01:00"]),
        ("DTSTART;TZID=Europe/Berlin:20260101T023000\nRRULE:FREQ=DAILY", AUTUMN, ["00:30"]),
        (
            "DTSTART;TZID=Europe/Berlin:20260101T000000\nRRULE:FREQ=HOURLY;BYHOUR=2",
            AUTUMN,
            ["00:00", "01:00"],
        ),
    ],
)
def test_a_recurrence_rule_follows_the_zone_of_its_start(
    rule: str, day: datetime, expected: list[str]
) -> None:
    assert hours(RRuleSchedule(rrule=rule, timezone="Asia/Tokyo"), day) == expected


def test_a_rule_due_on_leap_days_waits_for_them() -> None:
    schedule = CronSchedule(cron="0 12 29 2 *", timezone="UTC")
    assert next_times(schedule, utc(2026, 1, 1), 2) == [utc(2028, 2, 29, 12), utc(2032, 2, 29, 12)]


@cache
def transitions(zone: str, year: int) -> list[datetime]:
    """The instants of a year, to the hour, after which clocks of `zone` change; no day has two."""
    offset = lambda at: at.astimezone(ZoneInfo(zone)).utcoffset()  # noqa: E731
    found = []
    for day in (utc(year, 1, 1) + timedelta(days=n) for n in range(366)):
        if offset(day) != offset(day + timedelta(days=1)):
            hours = [day + timedelta(hours=n) for n in range(25)]
            found += [at for at, later in pairwise(hours) if offset(at) != offset(later)]
    return found


numbers = lambda low, high: st.lists(st.integers(low, high), min_size=1, max_size=3).map(  # noqa: E731
    lambda values: ",".join(map(str, sorted(set(values))))
)
minutes = st.one_of(st.just("*"), st.sampled_from(["*/7", "*/20", "5-50/15"]), numbers(0, 59))
day_hours = st.one_of(st.just("*"), st.sampled_from(["*/2", "1-4", "0-3/2"]), numbers(0, 4))
days = st.one_of(st.just("*"), st.just("*"), st.just("*/2"), numbers(1, 31))
weekdays = st.one_of(st.just("*"), st.just("*"), numbers(0, 6))


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant, most often near a change of its clocks."""
    zone, year = draw(st.sampled_from(ZONES)), draw(st.integers(1995, 2035))
    near = draw(st.sampled_from(transitions(zone, year) or [utc(year, 6, 1)]))
    return zone, near + timedelta(
        minutes=draw(st.integers(-600, 600)), seconds=draw(st.sampled_from([0, 30]))
    )


@pytest.mark.row("SCH-04")
@settings(max_examples=40, deadline=None)
@given(moments(), minutes, day_hours, days, weekdays)
def test_cron_agrees_with_a_slow_oracle(
    where: tuple[str, datetime], minute: str, hour: str, day: str, weekday: str
) -> None:
    zone, after = where
    cron, end = f"{minute} {hour} {day} * {weekday}", after + timedelta(hours=20)
    start = after.replace(second=0) + timedelta(minutes=1)
    oracle = real_time if minute[0] == "*" or hour[0] == "*" else times_of_day
    expected = list(oracle(cron, ZoneInfo(zone), start, end))
    due = due_times(CronSchedule(cron=cron, timezone=zone), after)
    assert list(takewhile(lambda moment: moment < end, due)) == expected


@settings(max_examples=80, deadline=None)
@given(moments(), st.integers(-40_000, 40_000), st.integers(1, 40 * 24))
def test_an_interval_agrees_with_counting(
    where: tuple[str, datetime], anchor_hours: int, step_hours: int
) -> None:
    zone, after = where
    anchor = utc(2015, 5, 5) + timedelta(hours=anchor_hours)
    schedule = IntervalSchedule(interval=step_hours * 3600, anchor_date=anchor, timezone=zone)
    found = next_times(schedule, after, 4)
    step = timedelta(hours=step_hours)
    assert found == sorted(set(found)) and found[0] > after
    if step < timedelta(days=1):
        assert all((moment - anchor) % step == timedelta(0) for moment in found)
        assert found[0] - after <= step
    else:
        walls = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in found]
        start = anchor.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        strays = [(wall - start) % step for wall in walls]
        assert all(stray <= timedelta(hours=3) for stray in strays)  # only the end of a gap may differ
        assert sum(stray == timedelta(0) for stray in strays) >= len(strays) - 1


@settings(max_examples=60, deadline=None)
@given(moments(), st.sampled_from(["*/15 * * * *", "30 2 * * *", "0 0 * * 1", "15 1-3 * * *"]))
def test_asking_again_from_each_answer_gives_the_same_times(where: tuple[str, datetime], cron: str) -> None:
    zone, after = where
    schedule = CronSchedule(cron=cron, timezone=zone)
    together, one_by_one, moment = next_times(schedule, after, 12), [], after
    for _ in range(12):
        moment = next(due_times(schedule, moment))
        one_by_one.append(moment)
    assert one_by_one == together
    assert all(moment.tzinfo is UTC for moment in together)
