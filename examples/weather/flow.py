"""Daily weather in, a monthly report out: extract, clean, aggregate each month, load into SQLite, render.

Run it here with `python examples/weather/flow.py`; `orion deployment apply` puts it on a schedule.
"""

from __future__ import annotations

import csv
import html
import os
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import mean

from orion import flow, get_run_context, get_run_logger, tags, task, task_input_hash, unmapped

HERE = Path(__file__).resolve().parent
STATIONS = {"seattle": HERE / "data" / "seattle-weather.csv"}
YEARS = [2012, 2013, 2014, 2015]


@dataclass
class Day:
    """One day: millimetres of rain and snow, degrees Celsius, metres a second."""

    day: date
    precipitation: float
    temp_max: float
    temp_min: float
    wind: float
    weather: str


@dataclass
class Month:
    """What a month was like."""

    month: str
    days: int
    precipitation: float
    warmest: float
    coldest: float
    average: float
    wind: float
    sunny_days: int


@task(retries=3, retry_delay_seconds=[0.2, 0.5, 1], tags=["source"])
def extract(station: str, year: int) -> list[dict[str, str]]:
    """The rows of a year. The archive of 2013 needs to be asked twice, as archives do."""
    if year == 2013 and get_run_context().task_run.run_count == 1:
        raise ConnectionError(f"the archive of {station} does not answer")
    with open(STATIONS[station], newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["date"].startswith(str(year))]
    get_run_logger().info("%s: %d rows of %d", station, len(rows), year)
    return rows


@task(cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1))
def clean(rows: list[dict[str, str]]) -> list[Day]:
    """Typed days, without those whose measurements cannot be true. Cached: equal rows are cleaned once an hour."""
    days = [_day(row) for row in rows]
    good = [day for day in days if day.temp_min <= day.temp_max and day.precipitation >= 0]
    get_run_logger().info("%d of %d days are usable", len(good), len(days))
    return good


def _day(row: dict[str, str]) -> Day:
    return Day(
        date.fromisoformat(row["date"].replace("/", "-")),
        float(row["precipitation"]),
        float(row["temp_max"]),
        float(row["temp_min"]),
        float(row["wind"]),
        row["weather"],
    )


@task
def by_month(years: list[list[Day]]) -> list[list[Day]]:
    """The days of all years, a list for each month."""
    months: defaultdict[str, list[Day]] = defaultdict(list)
    for day in (day for year in years for day in year):
        months[f"{day.day:%Y-%m}"].append(day)
    return [months[name] for name in sorted(months)]


@task(task_run_name="aggregate {days[0].day:%Y-%m}")
def aggregate(days: list[Day], digits: int) -> Month:
    """One month in figures."""
    return Month(
        month=f"{days[0].day:%Y-%m}",
        days=len(days),
        precipitation=round(sum(day.precipitation for day in days), digits),
        warmest=max(day.temp_max for day in days),
        coldest=min(day.temp_min for day in days),
        average=round(mean((day.temp_max + day.temp_min) / 2 for day in days), digits),
        wind=round(mean(day.wind for day in days), digits),
        sunny_days=sum(day.weather == "sun" for day in days),
    )


@task(retries=2, retry_delay_seconds=1)
def load(months: list[Month], station: str, database: Path) -> int:
    """Put the months into SQLite, in place of what was there for them; gives the number of rows of the station."""
    database.parent.mkdir(parents=True, exist_ok=True)
    columns = list(Month.__dataclass_fields__)
    with sqlite3.connect(database) as connection:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS months (station TEXT, {', '.join(columns)}, PRIMARY KEY (station, month))"
        )
        places = ", ".join("?" * (len(columns) + 1))
        connection.executemany(
            f"INSERT OR REPLACE INTO months VALUES ({places})",
            [(station, *(getattr(month, column) for column in columns)) for month in months],
        )
        (count,) = connection.execute("SELECT count(*) FROM months WHERE station = ?", (station,)).fetchone()
    get_run_logger().info("%d months of %s are in %s", count, station, database)
    return int(count)


@task
def render(months: list[Month], station: str, path: Path) -> Path:
    """The report: one page, a bar for each month's rain."""
    wettest = max(month.precipitation for month in months) or 1
    rows = "\n".join(
        f"<tr><td>{m.month}<td>{m.average:.1f}<td>{m.coldest:.1f} … {m.warmest:.1f}<td>{m.sunny_days}"
        f'<td><meter max="{wettest}" value="{m.precipitation}"></meter> {m.precipitation:.1f}'
        for m in months
    )
    title = html.escape(f"Weather of {station.title()}, {months[0].month} to {months[-1].month}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>\n'
        "<table><tr><th>Month<th>Average °C<th>Range °C<th>Sunny days<th>Precipitation mm\n"
        f"{rows}</table>\n<p>Data: NOAA.</p></html>\n"
    )
    return path


@flow(log_prints=True)
def report(months: list[Month], station: str, folder: Path) -> Path:
    """The subflow that renders the page."""
    page = render(months, station, folder / f"{station}.html")
    print(f"The report is {page}")
    return page


@flow(retries=1, retry_delay_seconds=2)
def weather(
    station: str = "seattle", years: list[int] = YEARS, dry_run: bool = False, folder: Path | None = None
) -> str:  # fmt: skip
    """Monthly weather of a station.

    Args:
        station: whose weather it is
        years: which years of it
        dry_run: write nothing
        folder: where the results go
    """
    logger = get_run_logger()
    if station not in STATIONS:
        raise ValueError(f"There is no station {station!r}; there is {', '.join(STATIONS)}.")
    with tags(station):
        cleaned = clean.map(extract.map(unmapped(station), years))
        months = aggregate.map(by_month.submit(cleaned), unmapped(1)).result()
    if dry_run:
        logger.info("A dry run: %d months are aggregated, nothing is written", len(months))
        return f"{len(months)} months, nothing written"
    target = folder or Path(os.environ.get("WEATHER_FOLDER", "~/.orion/weather")).expanduser()
    load(months, station, target / "weather.db")
    return str(report(months, station, target))


if __name__ == "__main__":
    print(weather())
