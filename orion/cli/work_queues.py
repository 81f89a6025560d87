"""`orion work-queue`: what agents poll."""

from __future__ import annotations

from datetime import datetime, timedelta
from shlex import quote
from typing import Annotated, Any

import typer

from orion.cli import completing
from orion.cli.api import api
from orion.cli.console import Format, Json, Output, ago, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import deployment_names, find_deployment, find_work_queue
from orion.model.times import utcnow

app = new_group("Create, pause, limit and look at work queues.")

Queue = Annotated[
    str,
    typer.Argument(
        metavar="QUEUE", help="Name, id or beginning of the id.", autocompletion=completing.queues
    ),
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that agents and deployments use.")],
    limit: Annotated[
        int | None, typer.Option("-l", "--limit", metavar="N", min=0, help="Runs at one time at most.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("-t", "--tag", metavar="TAG", help="Serve runs with all of these tags."),
    ] = None,
    deployment: Annotated[
        list[str] | None,
        typer.Option(
            "--deployment",
            metavar="FLOW/NAME",
            help="Serve runs of this deployment; repeatable.",
            autocompletion=completing.deployments,
        ),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            "-p", "--priority", metavar="N", min=1, help="1 goes first; by default after all others."
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("-d", "--description", metavar="TEXT", help="What it is for.")
    ] = "",
) -> None:
    """Create a work queue: for runs that name it, or with --tag and --deployment for those that fit."""
    body: dict[str, Any] = {"name": name, "description": description, "concurrency_limit": limit}
    body |= {"priority": priority} if priority else {}
    with api() as server:
        if tag or deployment:
            ids = [find_deployment(server, each)["id"] for each in deployment or []]
            body["filter"] = {"tags": tag, "deployment_ids": ids or None}
        row = server.post("/work_queues/", body)
    print(f"Created work queue {row['name']!r} ({row['id']}).")
    print(f"Serve it:  orion agent start -q {quote(row['name'])}")


@app.command("ls")
def ls(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show what each queue serves, too.")
    ] = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List work queues."""
    with api() as server:
        rows = server.rows("/work_queues/filter", {}, 10_000)
    if as_json or output is Format.json:
        return show_json(rows)
    headings = ["Name", "ID", "Limit", "Status", "Polled", *(["Priority", "Serves"] if verbose else [])]
    show_rows(headings, [_cells(row, verbose) for row in rows])


def _cells(row: dict[str, Any], verbose: bool) -> list[Any]:
    status = "paused" if row["is_paused"] else row["status"].lower().replace("_", " ")
    cells = [row["name"], row["id"], row["concurrency_limit"], status, ago(row["last_polled"]) or "never"]
    return [*cells, row["priority"], row["filter"] or "runs that name this queue"] if verbose else cells


@app.command("inspect")
def inspect(queue: Queue, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a work queue and how it fares."""
    with api() as server:
        row = find_work_queue(server, queue)
        row = {**row, **server.get(f"/work_queues/{row['id']}/status")}
    show_json(row) if as_json or output is Format.json else show_object(row)


@app.command("preview")
def preview(
    queue: Queue,
    hours: Annotated[
        int, typer.Option("-h", "--hours", metavar="N", min=1, help="How far to look ahead.")
    ] = 1,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Show the runs that the queue will hand out; takes none of them. Late ones carry two asterisks."""
    with api() as server:
        row = find_work_queue(server, queue)
        before = utcnow() + timedelta(hours=hours)
        runs = server.post(f"/work_queues/{row['id']}/get_runs", {"scheduled_before": before, "limit": 200})
        names = {} if as_json or output is Format.json else deployment_names(server, runs)
    if as_json or output is Format.json:
        return show_json(runs)
    show_rows(
        ("Due", "Run", "Name", "Deployment"),
        [
            (_due(r["next_scheduled_start_time"]), r["id"], r["name"], names.get(r["deployment_id"]))
            for r in runs
        ],
    )


def _due(moment: str) -> str:
    return f"{ago(moment)} **" if datetime.fromisoformat(moment) < utcnow() else ago(moment)


@app.command("pause")
def pause(queue: Queue) -> None:
    """Hand out no runs until it is resumed."""
    _change(queue, {"is_paused": True}, "is paused")


@app.command("resume")
def resume(queue: Queue) -> None:
    """Hand out runs again."""
    _change(queue, {"is_paused": False}, "hands out runs again")


@app.command("set-concurrency-limit")
def set_concurrency_limit(
    queue: Queue, limit: Annotated[int, typer.Argument(min=0, metavar="N", help="Runs at one time at most.")]
) -> None:
    """Limit how many runs of the queue go on at one time."""
    _change(queue, {"concurrency_limit": limit}, f"lets {limit} runs go on at one time")


@app.command("clear-concurrency-limit")
def clear_concurrency_limit(queue: Queue) -> None:
    """Take the limit away."""
    _change(queue, {"concurrency_limit": None}, "has no limit")


@app.command("set-priority")
def set_priority(
    queue: Queue, priority: Annotated[int, typer.Argument(min=1, metavar="N", help="1 goes before 2.")]
) -> None:
    """Say which queue goes first where an agent has room for fewer runs than are due."""
    _change(queue, {"priority": priority}, f"has the priority {priority}")


def _change(queue: str, changes: dict[str, Any], outcome: str) -> None:
    with api() as server:
        row = find_work_queue(server, queue)
        server.patch(f"/work_queues/{row['id']}", changes)
    print(f"Work queue {row['name']!r} {outcome}.")


@app.command("delete")
def delete(queue: Queue) -> None:
    """Delete a work queue; runs that name it stay and wait."""
    with api() as server:
        row = find_work_queue(server, queue)
        server.delete(f"/work_queues/{row['id']}")
    print(f"Deleted work queue {row['name']!r}.")
