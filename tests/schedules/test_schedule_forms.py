"""The forms of a schedule: what is accepted, what is refused and why, and how each reads in words."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from orion.errors import Invalid
from orion.model.schedule_times import MOST_AT_ONCE, due_times, next_times, settled
from orion.model.schedule_words import in_words
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule, from_dict
from tests.schedules.oracle import utc

NOW = utc(2026, 11, 23, 10)


@pytest.mark.row("SCH-01")
@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("R R * * *", "random or hashed"),
        ("r(0-5) 3 * * *", "random or hashed"),
        ("H 3 * * *", "random or hashed"),
        ("0 3,R * * *", "random or hashed"),
        ("0 0 * * * 30", "6 fields"),
        ("0 0 1 1 * 0 2030", "7 fields"),
        ("* * *", "has 3 fields, not five"),
        ("@reboot", "has 1 field, not five"),
        ("61 0 * * *", "cannot be read"),
        ("*/0 * * * *", "cannot be read"),
        ("a b c d e", "cannot be read"),
        ("0 0 31 2 *", "no time in the next eight years"),
        ("0," * 400 + "0 * * * *", "too long"),
    ],
)
def test_a_cron_rule_that_is_no_function_of_time_is_refused(cron: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        settled(CronSchedule(cron=cron), NOW)


@pytest.mark.row("SCH-01")
@pytest.mark.parametrize(
    "cron", ["0 9 * * THU", "0 0 * MAR-APR FRI", "@daily", "0 0 L * *", "0 9 * * 5#3", "0 0 1 * 7"]
)
def test_names_and_aliases_are_read(cron: str) -> None:
    assert len(next_times(settled(CronSchedule(cron=cron), NOW), NOW)) == 10


@pytest.mark.parametrize(
    ("anchor", "first"),
    [
        ("2026-11-01", utc(2026, 11, 23, 23)),
        ("2026-11-01T00:10", utc(2026, 11, 23, 23, 10)),
        ("2026-11-01T00:10:00Z", utc(2026, 11, 24, 0, 10)),
    ],
)
def test_an_anchor_without_an_offset_is_by_the_clock_of_the_zone(anchor: str, first: datetime) -> None:
    schedule = from_dict({"interval": 86_400, "anchor_date": anchor, "timezone": "Europe/Berlin"})
    assert next_times(schedule, NOW, 1) == [first]


@pytest.mark.row("SCH-01")
def test_day_and_weekday_are_joined_by_or_unless_told_otherwise() -> None:
    either = next_times(CronSchedule(cron="0 0 1 * 1"), NOW, 3)
    both = next_times(CronSchedule(cron="0 0 1 * 1", day_or=False), NOW, 2)
    assert either == [utc(2026, 11, 30), utc(2026, 12, 1), utc(2026, 12, 7)]
    assert both == [utc(2027, 2, 1), utc(2027, 3, 1)]


@pytest.mark.row("SCH-01")
@pytest.mark.parametrize("zone", ["Mars/Base", "", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    for schedule in (
        CronSchedule(cron="@daily", timezone=zone),
        IntervalSchedule(interval=60, timezone=zone),
        RRuleSchedule(rrule="FREQ=DAILY", timezone=zone),
    ):
        with pytest.raises(Invalid, match="time zone"):
            settled(schedule, NOW)


@pytest.mark.row("SCH-02")
def test_an_interval_without_an_anchor_is_anchored_in_this_second() -> None:
    schedule = settled(IntervalSchedule(interval=90), NOW.replace(microsecond=345_678))
    assert schedule == IntervalSchedule(interval=90, anchor_date=NOW)
    assert next_times(schedule, NOW, 2) == [utc(2026, 11, 23, 10, 1, 30), utc(2026, 11, 23, 10, 3)]


@pytest.mark.row("SCH-02")
def test_an_anchor_is_not_a_start() -> None:
    schedule = IntervalSchedule(interval=3600, anchor_date=utc(2030, 1, 1, 0, 20))
    assert next_times(schedule, NOW, 1) == [utc(2026, 11, 23, 10, 20)]


@pytest.mark.row("SCH-02")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("anchor", [utc(2020, 1, 1, 9, 30), utc(2030, 1, 1, 9, 30)])
def test_an_interval_of_days_begins_with_the_next_day_that_is_due(anchor: datetime, zone: str) -> None:
    schedule = IntervalSchedule(interval=86_400, anchor_date=anchor, timezone=zone)
    for hour, first in ((9, 23), (10, 24)):
        now = utc(2026, 11, 23, hour, 0)
        assert next_times(schedule, now, 2) == [utc(2026, 11, first + n, 9, 30) for n in (0, 1)]


@pytest.mark.row("SCH-02")
@pytest.mark.parametrize("seconds", [0.5, 1e300, 1e13])
def test_an_interval_that_no_calendar_holds_is_refused(seconds: float) -> None:
    with pytest.raises(Invalid, match="interval"):
        settled(IntervalSchedule(interval=seconds), NOW)


@pytest.mark.row("SCH-02")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"interval": 0}, "The interval of a schedule is a number of seconds above 0, not 0."),
        ({"interval": -5.5}, "a number of seconds above 0, not -5.5."),
        ({"interval": float("nan")}, "a number of seconds above 0, not nan."),
        ({"interval": "soon"}, "a number of seconds above 0, not 'soon'."),
        ({"interval": 60, "anchor_date": "tomorrow"}, "The anchor_date of a schedule is a time such as"),
        ({"cron": ""}, "The cron of a schedule is five fields"),
        ({"cron": "@daily", "timezone": 7}, "The timezone of a schedule is the name of a time zone"),
        ({"cron": "@daily", "day_or": "no"}, "The day_or of a schedule is true or false, not 'no'."),
        ({"cron": "@daily", "every": 2}, "unknown field `every`"),
        ({"rrule": "X" * 7000}, "a rule of at most 6500 characters"),
        ({}, "one of the keys interval, cron or rrule"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_what_it_should_be(data: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_dict(data)
    assert said in refused.value.message and len(refused.value.message) < 200


@pytest.mark.row("SCH-11")
def test_one_computation_gives_a_bounded_number_of_times() -> None:
    assert (
        sum(1 for _ in due_times(IntervalSchedule(interval=1, anchor_date=NOW), NOW))
        == MOST_AT_ONCE
        == 10_000
    )


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (IntervalSchedule(interval=3600), "Every hour"),
        (IntervalSchedule(interval=5400), "Every 90 minutes"),
        (IntervalSchedule(interval=604800, timezone="Europe/Berlin"), "Every week (Europe/Berlin)"),
        (IntervalSchedule(interval=1.5), "Every 1.5 seconds"),
        (CronSchedule(cron="30 4 * * *", timezone="Europe/Berlin"), "At 04:30 (Europe/Berlin)"),
        (CronSchedule(cron="0 9,17 * * 1-5"), "At 09:00 and 17:00, Monday to Friday"),
        (CronSchedule(cron="*/15 * * * *"), "Every 15 minutes"),
        (CronSchedule(cron="@monthly"), "At 00:00 on day 1 of the month"),
        (CronSchedule(cron="0 8 * * 1,3"), "At 08:00 on Monday and Wednesday"),
        (CronSchedule(cron="0 12 24 12 *"), "At 12:00 on 24 December"),
        (CronSchedule(cron="5-10 3 * 2 *"), "Cron 5-10 3 * 2 *"),
        (RRuleSchedule(rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"), "Every 2 weeks on Monday and Friday"),
        (RRuleSchedule(rrule="FREQ=DAILY"), "Every day"),
        (RRuleSchedule(rrule="FREQ=MONTHLY;BYDAY=1FR"), "Rule FREQ=MONTHLY;BYDAY=1FR"),
    ],
)
def test_a_schedule_reads_in_words(schedule: Schedule, words: str) -> None:
    assert in_words(schedule) == words


def test_the_libraries_of_calendars_are_loaded_only_when_a_schedule_asks() -> None:
    code = "import sys, orion.model.schedule_times; print({'croniter', 'dateutil', 'zoneinfo'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
