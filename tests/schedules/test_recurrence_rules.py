"""Recurrence rules agree with dateutil where it can answer, and every search ends where it would not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from orion.errors import Invalid
from orion.model.schedule_times import next_times, settled
from orion.model.schedules import RRuleSchedule
from tests.schedules.oracle import utc

NOW = utc(2026, 11, 23)


def options(draw: st.DrawFn) -> str:
    parts = ["FREQ=" + draw(st.sampled_from(["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))]
    parts += draw(st.lists(st.integers(1, 9).map("INTERVAL={}".format), max_size=1))
    parts += draw(st.lists(st.sampled_from(["BYDAY=MO,FR", "BYDAY=SU"]), max_size=1))
    parts += draw(st.lists(st.sampled_from(["BYMONTH=1,6", "BYMONTH=12"]), max_size=1))
    parts += draw(st.lists(st.sampled_from(["BYHOUR=3,17", "BYHOUR=0"]), max_size=1))
    parts += draw(st.lists(st.sampled_from(["COUNT=40", "UNTIL=20270101T120000Z"]), max_size=1))
    return ";".join(parts)


rules = st.composite(options)()


@pytest.mark.row("SCH-03")
@settings(max_examples=80, deadline=None)
@given(rules, st.integers(0, 3000), st.integers(0, 86399))
def test_a_rule_gives_the_times_of_dateutil(rule: str, days: int, seconds: int) -> None:
    start = utc(2025, 1, 31, 3, 20) + timedelta(days=0)
    after = start + timedelta(days=days % 500, seconds=seconds)
    try:
        plain = rrulestr(rule, dtstart=start)
    except ValueError:
        return
    expected = list(islice((moment for moment in plain.xafter(after)), 6))
    near = [moment for moment in expected if moment - after < timedelta(days=365 * 8)]
    schedule = RRuleSchedule(rrule=f"DTSTART:20250131T032000Z\nRRULE:{rule}")
    assert next_times(schedule, after, 6)[: len(near)] == near


@pytest.mark.row("SCH-03")
def test_a_rule_without_a_start_begins_in_2020_and_says_so() -> None:
    schedule = settled(RRuleSchedule(rrule="FREQ=WEEKLY;BYDAY=MO", timezone="Europe/Berlin"), NOW)
    assert schedule == RRuleSchedule(
        rrule="DTSTART:20200101T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO", timezone="Europe/Berlin"
    )
    assert next_times(schedule, NOW, 2) == [utc(2026, 11, 29, 23), utc(2026, 12, 6, 23)]


def test_dates_can_be_added_and_taken_out() -> None:
    rule = """
        DTSTART;TZID=Europe/Berlin:20261120T090000
        RRULE:FREQ=DAILY
        EXDATE;TZID=Europe/Berlin:20261124T090000
        EXDATE:20261125T080000Z
        RDATE:20261124T120000Z
    """
    times = next_times(RRuleSchedule(rrule=textwrap.dedent(rule)), NOW, 3)
    assert times == [utc(2026, 11, 23, 8), utc(2026, 11, 24, 12), utc(2026, 11, 26, 8)]


def test_a_rule_that_has_ended_is_no_fault() -> None:
    schedule = settled(RRuleSchedule(rrule="FREQ=DAILY;UNTIL=20210101T000000Z"), NOW)
    assert next_times(schedule, NOW) == []


@pytest.mark.row("SCH-03")
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=FOO",
        "hello",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=SECONDLY;BYSECOND=61",
        "FREQ=YEARLY;BYDAY=60MO",
        "FREQ=DAILY;BYHOUR=25",
        "DTSTART:tomorrow\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=Mars/Base:20260101T000000\nRRULE:FREQ=DAILY",
        "DTSTART:20260101T000000",
        "",
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(rule: str) -> None:
    with pytest.raises(Invalid):
        settled(RRuleSchedule(rrule=rule), NOW)


ENDLESS = [
    ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "no time in the next eight years"),
    ("FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31", "no time in the next eight years"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no time in the next eight years"),
    ("DTSTART:19000101T000000\nRRULE:FREQ=SECONDLY;COUNT=4000000000", "starts too far in the past"),
    ("DTSTART:00010101T000000\nRRULE:FREQ=YEARLY", "starts too far in the past"),
    ("DTSTART:19000101T000000\nRRULE:FREQ=SECONDLY", "starts too far in the past"),
    ("DTSTART:20000101T000000\nRRULE:FREQ=SECONDLY", None),
]


@pytest.mark.parametrize(("rule", "refusal"), ENDLESS)
def test_every_search_ends(rule: str, refusal: str | None) -> None:
    """In a process of its own with a limit on CPU seconds, so that an endless search fails and does not hang."""
    code = f"""
        import resource, sys
        from datetime import UTC, datetime
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        from orion.errors import Invalid
        from orion.model.schedule_times import next_times, settled
        from orion.model.schedules import RRuleSchedule
        now = datetime(2026, 11, 23, tzinfo=UTC)
        try:
            print(next_times(settled(RRuleSchedule(rrule={rule!r}), now), now, 1))
        except Invalid as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert (refusal or "datetime.datetime(2026, 11, 23, 0, 0, 1") in done.stdout
