"""A schedule in words for people: "Every hour", "At 04:30 (Europe/Berlin)", "Every week on Monday"."""

from __future__ import annotations

from orion.model.cron_times import ALIASES
from orion.model.rrule_times import Rule
from orion.model.schedule_times import zone_of
from orion.model.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule

UNITS = (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_DAYS = {"MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6, "SU": 0}
MONTHS = "January February March April May June July August September October November December".split()


def in_words(schedule: Schedule) -> str:
    """One phrase, with the zone named where it is not UTC; a rule too rich for words is given as written."""
    match schedule:
        case IntervalSchedule():
            text = _every(schedule.interval)
        case CronSchedule():
            text = _cron(schedule.cron)
        case RRuleSchedule():
            text = _rrule(schedule)
    zone = str(zone_of(schedule))
    return text if zone in ("UTC", "UTC+00:00") or schedule.timezone is None else f"{text} ({zone})"


def _every(seconds: float) -> str:
    for unit, size in UNITS:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"
    return f"Every {seconds:g} seconds"


def _cron(cron: str) -> str:
    fields = ALIASES.get(cron.strip().lower(), cron).split()
    when, days = _time_of_day(fields[0], fields[1]), _days(*fields[2:])
    return f"{when}{days}" if when and days is not None else f"Cron {cron}"


def _time_of_day(minute: str, hour: str) -> str | None:
    match minute, hour:
        case "*", "*":
            return "Every minute"
        case step, "*" if step.startswith("*/") and step[2:].isdigit():
            return f"Every {step[2:]} minutes"
        case "0", "*":
            return "Every hour"
        case past, "*" if past.isdigit():
            return f"Every hour at {int(past)} minutes past"
        case "0", step if step.startswith("*/") and step[2:].isdigit():
            return f"Every {step[2:]} hours"
        case past, hours if past.isdigit() and all(part.isdigit() for part in hours.split(",")):
            return "At " + _listed([f"{int(part):02}:{int(past):02}" for part in hours.split(",")])
    return None


def _days(day: str, month: str, weekday: str) -> str | None:
    match day, month, weekday:
        case "*", "*", "*":
            return ""
        case "*", "*", "1-5":
            return ", Monday to Friday"
        case "*", "*", days if all(part in "01234567" and part for part in days.split(",")):
            return " on " + _listed([WEEKDAYS[int(part)] for part in days.split(",")])
        case number, "*", "*" if number.isdigit():
            return f" on day {int(number)} of the month"
        case number, months, "*" if number.isdigit() and months.isdigit() and 1 <= int(months) <= 12:
            return f" on {int(number)} {MONTHS[int(months) - 1]}"
    return None


def _rrule(schedule: RRuleSchedule) -> str:
    rules = [value for name, _, value in Rule(schedule.rrule, zone_of(schedule)).lines if name == "RRULE"]
    options = (
        dict(part.split("=", 1) for part in rules[0].split(";") if "=" in part) if len(rules) == 1 else {}
    )
    unit = {"DAILY": "day", "HOURLY": "hour", "MINUTELY": "minute", "SECONDLY": "second"}.get(
        options.get("FREQ", ""), options.get("FREQ", "").lower().removesuffix("ly")
    )
    if not unit or set(options) - {"FREQ", "INTERVAL", "BYDAY"} or set(_names(options)) & {""}:
        return f"Rule {rules[0] if rules else schedule.rrule}"
    count = int(options.get("INTERVAL", "1"))
    days = f" on {_listed(_names(options))}" if "BYDAY" in options else ""
    return (f"Every {unit}" if count == 1 else f"Every {count} {unit}s") + days


def _names(options: dict[str, str]) -> list[str]:
    days = options["BYDAY"].split(",") if "BYDAY" in options else []
    return [WEEKDAYS[SHORT_DAYS[day]] if day in SHORT_DAYS else "" for day in days]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
