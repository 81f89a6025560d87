"""`orion deployment schedule` and `orion deployment backfill`: when a deployment runs, and ran, or should have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Output, count, note, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import find_deployment
from orion.cli.parameters import read_moment
from orion.cli.progress import waiting
from orion.errors import Invalid, NotFound
from orion.model.schedule_times import next_times, zone_of
from orion.model.schedule_words import in_words
from orion.model.schedules import from_dict
from orion.model.times import utcnow

app = new_group("List, add, pause, resume and delete the schedules of a deployment.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="FLOW/DEPLOYMENT",
        help="Name, id or beginning of the id.",
        autocompletion=completing.deployments,
    ),
]
Schedule = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Id or beginning of the id.")]


def next_fire_times(deployment: dict[str, Any], count: int = 10) -> list[str]:
    """The next times at which a deployment's active schedules fire, each by the clock of its zone."""
    active = [] if deployment["paused"] else [item for item in deployment["schedules"] if item["active"]]
    now = utcnow()
    times: dict[datetime, str] = {}
    for schedule in (from_dict(item["schedule"]) for item in active):
        for time in next_times(schedule, now, count):
            times.setdefault(time, time.astimezone(zone_of(schedule)).isoformat())
    return [times[time] for time in sorted(times)[:count]]


@app.command("ls")
def ls(name: Name, as_json: Json = False, output: Output = Format.text) -> None:
    """List the schedules of a deployment with the next time of each."""
    with api() as server:
        rows = find_deployment(server, name)["schedules"]
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("ID", "Schedule", "On", "Next"),
        [(row["id"], in_words(from_dict(row["schedule"])), row["active"], _next(row)) for row in rows],
    )


def _next(row: dict[str, Any]) -> str:
    return next(iter(_coming(row)), "") if row["active"] else ""


@app.command("inspect")
def inspect(name: Name, schedule: Schedule, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a schedule with the next ten times at which it fires, by the clock of its zone."""
    with api() as server:
        _, row = _find(server, name, schedule)
    if as_json or output is Format.json:
        return show_json({**row, "next": _coming(row)})
    show_object({"id": row["id"], "schedule": in_words(from_dict(row["schedule"])), "active": row["active"]})
    for time in _coming(row):
        print(time)


def _coming(row: dict[str, Any]) -> list[str]:
    """The next ten times of a schedule, whether it is on or not."""
    schedule = from_dict(row["schedule"])
    zone = zone_of(schedule)
    return [time.astimezone(zone).isoformat() for time in next_times(schedule, utcnow(), 10)]


@app.command("create")
def create(
    name: Name,
    cron: Annotated[str | None, typer.Option(metavar="LINE", help="A cron line: '0 6 * * *'.")] = None,
    interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds between two runs.")
    ] = None,
    rrule: Annotated[str | None, typer.Option(metavar="RULE", help="An iCalendar rule.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="The zone of the schedule: Europe/Berlin; UTC where nothing names one."
        ),
    ] = None,
    anchor_date: Annotated[
        str | None, typer.Option(metavar="TIME", help="A time that the interval counts from.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Plan nothing yet.")] = False,
) -> None:
    """Add a schedule to a deployment; its runs are planned at once."""
    given = {"cron": cron, "interval": interval, "rrule": rrule}
    chosen = {key: value for key, value in given.items() if value is not None}
    if len(chosen) != 1:
        raise Invalid("Give one of --cron, --interval and --rrule.")
    more = {"timezone": timezone, "anchor_date": anchor_date}
    schedule = {**chosen, **{key: value for key, value in more.items() if value is not None}}
    from_dict(schedule)
    with api() as server:
        deployment = find_deployment(server, name)
        body = [{"schedule": schedule, "active": not paused}]
        (made,) = server.post(f"/deployments/{deployment['id']}/schedules", body)
    print(f"Added schedule {made['id']}: {in_words(from_dict(made['schedule']))}.")
    note("\n  ".join(["Next:", *(_coming(made) or ["never"])]))


@app.command("pause")
def pause(name: Name, schedule: Schedule) -> None:
    """Switch a schedule off; what it has planned and nobody has begun is taken back."""
    _switch(name, schedule, False, "is off")


@app.command("resume")
def resume(name: Name, schedule: Schedule) -> None:
    """Switch a schedule on."""
    _switch(name, schedule, True, "is on")


def _switch(name: str, schedule: str, active: bool, outcome: str) -> None:
    with api() as server:
        deployment, row = _find(server, name, schedule)
        server.patch(f"/deployments/{deployment}/schedules/{row['id']}", {"active": active})
    print(f"Schedule {row['id']} {outcome}.")


@app.command("delete")
def delete(name: Name, schedule: Schedule) -> None:
    """Delete a schedule with the runs that it has planned."""
    with api() as server:
        deployment, row = _find(server, name, schedule)
        server.delete(f"/deployments/{deployment}/schedules/{row['id']}")
    print(f"Deleted schedule {row['id']}.")


def _find(server: Api, name: str, schedule: str) -> tuple[str, dict[str, Any]]:
    """The id of the deployment, and its schedule."""
    deployment = find_deployment(server, name)
    rows = [row for row in deployment["schedules"] if row["id"].startswith(schedule.lower())]
    if len(rows) != 1:
        known = ", ".join(row["id"] for row in deployment["schedules"]) or "none"
        raise NotFound(
            f"{len(rows)} schedules of {name} have an id that begins with {schedule!r}; there is: {known}."
        )
    return deployment["id"], rows[0]


def backfill(
    name: Name,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="The first time: 2026-01-01, in the zone of this machine unless it names one.",
        ),
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The last time; of a day alone its end.")],
    limit: Annotated[
        int, typer.Option("-l", "--limit", metavar="N", min=1, max=10_000, help="Runs of a schedule at most.")
    ] = 100,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would create, create nothing.")
    ] = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Create the runs of a range of due times, past ones too; those that are there already stay as they are."""
    first, last = read_moment(start), read_moment(end, whole_day=True)
    if last < first:
        raise Invalid(f"--from {start} lies after --to {end}.")
    body = {"start_time": first, "end_time": last, "min_runs": 0, "max_runs": limit}
    with api() as server:
        deployment = find_deployment(server, name)
        if not deployment["schedules"]:
            raise Invalid(
                f"{name} has no schedule, so no time is due: add one with `orion deployment schedule create`."
            )
        route = f"/deployments/{deployment['id']}/schedule"
        with waiting("Looking at the range" if dry_run else "Creating the runs"):
            times = server.post(f"{route}/preview", body)
            if not dry_run:
                server.post(route, body)
    new = sum(not time["planned"] for time in times)
    if as_json or output is Format.json:
        return show_json(times)
    show_rows(
        ("Due", "Run"),
        [(time["scheduled_time"], _of_run(time["planned"], dry_run)) for time in times],
    )
    there = f"; {len(times) - new} are there already" if new < len(times) else ""
    note(f"{'Would create' if dry_run else 'Created'} {count(new, 'run')}{there}.")


def _of_run(planned: bool, dry_run: bool) -> str:
    return "is there" if planned else "would be created" if dry_run else "created"
