"""The calendar: twenty weeks of days, each in the colour of its worst state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from orion.web.charts.svg import Svg, el, join

WEEKS, STEP_X, STEP_Y = 20, 15.2, 14.0
WORST = ("failed", "crashed", "late", "cancelled", "paused", "running", "pending", "completed")


def worst(looks: set[str]) -> str | None:
    """The look a day is shown in."""
    return next((look for look in WORST if look in looks), None)


def calendar(days: Mapping[date, str], today: date) -> Svg:
    """Draw `days` (date to look) up to and with `today`; days after it are left out."""
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    cells = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    marks = [_cell(day, (day - first).days, days.get(day)) for day in cells]
    marks += [el("text", name, x=0, y=y) for name, y in (("Mon", 20), ("Wed", 48), ("Fri", 76))]
    return el(
        "svg", join([*marks, *_months(first)]), view_box="0 0 326 110", role="img", aria_label=_label(days)
    )


def _cell(day: date, index: int, look: str | None) -> Svg:
    week, weekday = divmod(index, 7)
    title = el("title", f"{day:%a %d %b}: {look or 'no runs'}")
    return el("rect", title, data_s=look, x=22 + week * STEP_X, y=12 + weekday * STEP_Y, width=12, height=11)


def _months(first: date) -> list[Svg]:
    """A month's name over the first week that begins in it."""
    names, before = [], None
    for week in range(WEEKS):
        monday = first + timedelta(weeks=week)
        if monday.month != before and (before is not None or monday.day <= 7) and week < WEEKS - 1:
            names.append(el("text", f"{monday:%b}", x=22 + week * STEP_X, y=7))
        before = monday.month
    return names


def _label(days: Mapping[date, str]) -> str:
    bad = [
        f"{n} day{'s' * (n != 1)} {look}"
        for look in WORST[:4]
        if (n := sum(1 for each in days.values() if each == look))
    ]
    return "Worst state per day, last 20 weeks: " + (", ".join(bad) or "nothing failed")
