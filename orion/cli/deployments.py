"""`orion deployment`: look at deployments, run them, pause and resume their schedules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from shlex import quote
from typing import Annotated, Any

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, note, show_json, show_object, show_rows
from orion.cli.deployment_files import apply, build, preview
from orion.cli.deployment_schedules import app as schedule_app
from orion.cli.deployment_schedules import backfill, next_fire_times
from orion.cli.groups import new_group
from orion.cli.lookup import find_deployment, flow_names
from orion.cli.parameters import read_parameters, read_start
from orion.errors import Invalid
from orion.model.times import utcnow

app = new_group("Build, apply, run and look at deployments.")
app.command("build")(build)
app.command("apply")(apply)
app.command("preview")(preview)
app.command("backfill")(backfill)
app.add_typer(schedule_app, name="schedule")

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="FLOW/DEPLOYMENT",
        help="Name, id or beginning of the id.",
        autocompletion=completing.deployments,
    ),
]
Id = Annotated[str | None, typer.Option("--id", metavar="ID", help="The id, instead of a name.")]
Param = Annotated[
    list[str] | None,
    typer.Option("-p", "--param", metavar="NAME=VALUE", help="name=value; the value is JSON, else text."),
]
Params = Annotated[
    str | None,
    typer.Option("--params", metavar="JSON", help="All parameters as one JSON object, or @FILE with it."),
]


@app.command("ls")
def ls(
    flow_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOW", help="Only deployments of this flow; repeatable.", autocompletion=completing.flows
        ),
    ] = None,
    by_created: Annotated[bool, typer.Option("--by-created", help="The newest first.")] = False,
    limit: Limit = 200,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List deployments by name."""
    body = {"sort": "NAME_ASC", **({"flows": {"name": {"any_": flow_name}}} if flow_name else {})}
    with api() as server:
        rows = server.rows("/deployments/filter", body, limit)
        flows = flow_names(server, rows)
    rows.sort(key=lambda row: flows.get(row["flow_id"], ""))
    if by_created:
        rows.sort(key=lambda row: row["created"], reverse=True)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Name", "ID", "Queue", "Schedule"),
        [(_full_name(r, flows), r["id"], r["work_queue_name"], schedules_of(r)) for r in rows],
        limit,
    )


def _full_name(row: dict[str, Any], flows: dict[str, str]) -> str:
    return f"{flows.get(row['flow_id'], row['flow_id'])}/{row['name']}"


def schedules_of(row: dict[str, Any]) -> str:
    """A deployment's schedules in a few words."""
    words = [_in_words(item["schedule"]) for item in row["schedules"] if item["active"]]
    text = ", ".join(words) or "none"
    return f"{text} (paused)" if row["paused"] and words else text


def _in_words(schedule: dict[str, Any]) -> str:
    if "interval" in schedule:
        return f"every {timedelta(seconds=float(schedule['interval']))}"
    rule = schedule.get("cron") or schedule.get("rrule") or ""
    zone = schedule.get("timezone")
    return f"{rule} {zone}" if zone and zone != "UTC" else str(rule)


def _chosen(server: Api, name: str | None, id: str | None) -> dict[str, Any]:
    if bool(name) == bool(id):
        raise Invalid("Name a deployment as FLOW/DEPLOYMENT, or give its --id.")
    return find_deployment(server, name or id or "")


@app.command("inspect")
def inspect(name: Name = None, id: Id = None, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a deployment."""
    with api() as server:
        row = _chosen(server, name, id)
        flows = flow_names(server, [row])
    if as_json or output is Format.json:
        return show_json(row)
    left_out = ("flow_id", "schedule", "is_schedule_active", "infra_overrides", "parameter_openapi_schema")
    show_object(
        {
            **{key: value for key, value in row.items() if key not in left_out},
            "name": _full_name(row, flows),
            "takes": tuple(_takes(row["parameter_openapi_schema"] or {})),
            "schedules": schedules_of(row),
            "next": tuple(next_fire_times(row)),
        }
    )


def _takes(schema: dict[str, Any]) -> Iterator[str]:
    """The flow's parameters, a line each: `day: date = "2026-01-01", the first day`."""
    for name, shape in (schema.get("properties") or {}).items():
        kind = shape.get("format") or shape.get("type") or str(shape.get("$ref", "any")).rpartition("/")[2]
        default = f" = {json.dumps(shape['default'], ensure_ascii=False)}" if "default" in shape else ""
        required = " (required)" if name in (schema.get("required") or ()) else ""
        note = " ".join(str(shape.get("description") or "").split())
        yield f"{name}: {kind}{default}{required}{', ' + note if note else ''}"


@app.command("run")
def run(
    name: Name = None,
    id: Id = None,
    param: Param = None,
    params: Params = None,
    run_name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The name of the run; made up when left out.")
    ] = None,
    start_in: Annotated[
        str | None, typer.Option(metavar="SPAN", help="After a while: 30s, '20 minutes', 1h.")
    ] = None,
    start_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="At a time: 2026-12-24T18:00, in the zone of this machine unless it names one.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("-t", "--tag", metavar="TAG", help="A tag for the run; repeatable.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run; exit 1 unless it completes.")
    ] = False,
    check: Annotated[
        bool, typer.Option(help="Refuse parameters that do not fit the flow before a run is made.")
    ] = True,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Ask for a run; an agent of the deployment's queue makes it."""
    start = read_start(start_in, start_at, utcnow())
    body = {
        "state": {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": start}},
        "tags": tag or [],
        **({"name": run_name} if run_name else {}),
    }
    with api() as server:
        deployment = _chosen(server, name, id)
        schema = deployment.get("parameter_openapi_schema") if check else None
        asked: dict[str, Any] = {"parameters": read_parameters(param, params, schema)}
        if schema:
            asked["enforce_parameter_schema"] = True
        made = server.post(f"/deployments/{deployment['id']}/create_flow_run", {**body, **asked})
    if as_json or output is Format.json:
        show_json(made)
    else:
        print(f"Created run {made['name']!r} ({made['id']}), due {ago(made['expected_start_time'])}.")
        _say_who_runs_it(deployment)
    if watch:
        from orion.cli.flow_runs import watch as watch_run

        watch_run(made["id"])


def _say_who_runs_it(deployment: dict[str, Any]) -> None:
    queue = deployment["work_queue_name"]
    if queue and deployment["status"] != "READY":
        note(
            f"No agent has asked for the queue {queue!r} lately. Start one: orion agent start -q {quote(queue)}"
        )


@app.command("execute")
def execute(name: Name = None, id: Id = None, param: Param = None, params: Params = None) -> None:
    """Run a deployment's flow here and now, without an agent."""
    from orion.deployments import execute as execute_here

    with api() as server:
        deployment = _chosen(server, name, id)
    state = execute_here(deployment["id"], read_parameters(param, params))
    print(f"The flow ended as {state.name}.")
    raise typer.Exit(0 if state.is_completed() else 1)


@app.command("pause")
@app.command("pause-schedule", hidden=True)
def pause(name: Name = None, id: Id = None) -> None:
    """Stop planning runs, and take back those that have not begun."""
    _switch(name, id, "pause_deployment", "is paused")


@app.command("resume")
@app.command("resume-schedule", hidden=True)
def resume(name: Name = None, id: Id = None) -> None:
    """Plan runs again."""
    _switch(name, id, "resume_deployment", "plans runs again")


def _switch(name: str | None, id: str | None, verb: str, outcome: str) -> None:
    with api() as server:
        row = _chosen(server, name, id)
        server.post(f"/deployments/{row['id']}/{verb}")
    print(f"Deployment {row['name']!r} {outcome}.")


@app.command("delete")
def delete(name: Name = None, id: Id = None) -> None:
    """Delete a deployment with the runs that it has planned; runs that began stay."""
    with api() as server:
        row = _chosen(server, name, id)
        server.delete(f"/deployments/{row['id']}")
    print(f"Deleted deployment {row['name']!r}.")
