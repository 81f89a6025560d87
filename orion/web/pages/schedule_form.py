"""The schedules of a deployment as a form: interval, cron or recurrence rule, each with its next times at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from starlette.datastructures import FormData

from orion.errors import Invalid
from orion.model import schedules
from orion.model.deployments import Deployment, DeploymentSchedule, DeploymentScheduleCreate
from orion.model.schedule_times import next_times, settled
from orion.model.schedule_words import in_words
from orion.model.zones import zone_named

UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604_800}
KINDS = (("cron", "Cron"), ("interval", "Interval"), ("rrule", "Recurrence rule"))
MOST = 50
TIMES = 10


@dataclass
class Row:
    """One schedule as its fields show it, with what is wrong or when it is due."""

    path: str
    id: str = ""
    kind: str = "cron"
    cron: str = "0 6 * * *"
    every: str = "1"
    unit: str = "hours"
    anchor: str = ""
    rrule: str = "FREQ=DAILY;BYHOUR=6;BYMINUTE=0;BYSECOND=0"
    zone: str = "UTC"
    active: bool = True
    error: str = ""
    words: str = ""
    times: list[tuple[datetime, str]] = field(default_factory=list)

    def rule(self) -> dict[str, Any]:
        """The schedule as the API takes it; a ValueError says what is wrong."""
        zone = self.zone.strip() or None
        if self.kind == "cron":
            return {"cron": self.cron.strip(), "timezone": zone}
        if self.kind == "rrule":
            return {"rrule": self.rrule.strip(), "timezone": zone}
        return {"interval": self._seconds(), "anchor_date": self._anchor(), "timezone": zone}

    def _seconds(self) -> float:
        try:
            return float(self.every) * UNITS[self.unit]
        except (KeyError, ValueError):
            raise ValueError("Write how many, as a number.") from None

    def _anchor(self) -> str | None:
        if not self.anchor:
            return None
        moment = datetime.fromisoformat(self.anchor)
        zone = zone_named(self.zone.strip() or None)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


@cache
def zones() -> list[str]:
    """The names of time zones to choose from."""
    from zoneinfo import available_timezones

    return [
        *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")),
        "UTC",
    ]


def rows_of(deployment: Deployment) -> list[Row]:
    """The schedules that a deployment has."""
    return [_row_of(each, f"s.{at}") for at, each in enumerate(deployment.schedules)]


def rows_in(form: FormData) -> list[Row]:
    """The schedules that were typed."""
    number = str(form.get("s~", "0"))
    return [_typed(form, f"s.{at}") for at in range(min(int(number) if number.isdecimal() else 0, MOST))]


def checked(rows: list[Row], now: datetime) -> bool:
    """Fill in the words and next times of each, or what is wrong with it; whether all are right."""
    for row in rows:
        try:
            schedule = settled(schedules.from_dict(row.rule()), now)
            row.words = in_words(schedule)
            zone = zone_named(row.zone.strip() or None)
            row.times = [
                (each, each.astimezone(zone).isoformat()) for each in next_times(schedule, now, TIMES)
            ]
        except (Invalid, ValueError) as error:
            row.error = getattr(error, "message", None) or str(error)
    return not any(row.error for row in rows)


def wanted(rows: list[Row], deployment: Deployment) -> list[DeploymentScheduleCreate]:
    """The schedules as the API takes them; what the form does not show of one that is there stays."""
    known = {each.id: each for each in deployment.schedules}
    return [_wanted(row, known.get(row.id)) for row in rows]


def upcoming(deployment: Deployment, now: datetime, number: int = TIMES) -> list[datetime]:
    """The next times of all schedules that are on."""
    active = [
        schedules.from_dict(msgspec.json.decode(each.schedule))
        for each in deployment.schedules
        if each.active
    ]
    due = sorted({moment for schedule in active for moment in next_times(schedule, now, number)})
    return list(islice(due, number))


def _wanted(row: Row, old: DeploymentSchedule | None) -> DeploymentScheduleCreate:
    rule = row.rule()
    if old is None:
        return DeploymentScheduleCreate(schedule=rule, active=row.active)
    was = msgspec.json.decode(old.schedule)
    if rule.get("cron") and "day_or" in was:
        rule["day_or"] = was["day_or"]
    return DeploymentScheduleCreate(
        schedule=rule,
        active=row.active,
        max_active_runs=old.max_active_runs,
        max_scheduled_runs=old.max_scheduled_runs,
        catchup=old.catchup,
        parameters=old.parameters,
        slug=old.slug,
    )


def _row_of(stored: DeploymentSchedule, path: str) -> Row:
    schedule = schedules.from_dict(msgspec.json.decode(stored.schedule))
    row = Row(path, stored.id, active=stored.active, zone=schedule.timezone or "UTC")
    match schedule:
        case schedules.CronSchedule():
            row.kind, row.cron = "cron", schedule.cron
        case schedules.RRuleSchedule():
            row.kind, row.rrule = "rrule", schedule.rrule
        case schedules.IntervalSchedule():
            row.kind = "interval"
            row.every, row.unit = _in_units(schedule.interval)
            if schedule.anchor_date is not None:
                local = schedule.anchor_date.astimezone(zone_named(schedule.timezone))
                row.anchor = local.replace(tzinfo=None).isoformat()
    return row


def _in_units(seconds: float) -> tuple[str, str]:
    """The largest unit of which the interval is a whole number."""
    unit = next((name for name in reversed(UNITS) if seconds % UNITS[name] == 0), "seconds")
    return f"{seconds / UNITS[unit]:g}", unit


def _typed(form: FormData, path: str) -> Row:
    said = {
        name: str(form.get(f"{path}.{name}", ""))[:6500]
        for name in ("cron", "every", "anchor", "rrule", "zone")
    }
    kind, unit = str(form.get(f"{path}.kind", "cron")), str(form.get(f"{path}.unit", "hours"))
    blank = Row(path)
    if f"{path}.kind" not in form:
        return blank  # a row that was just added
    return Row(
        path,
        str(form.get(f"{path}.id", "")),
        kind if kind in dict(KINDS) else "cron",
        said["cron"],
        said["every"],
        unit if unit in UNITS else "hours",
        said["anchor"],
        said["rrule"],
        said["zone"],
        form.getlist(f"{path}.active")[-1:] == ["on"],
    )
