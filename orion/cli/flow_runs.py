"""`orion flow-run`: look at runs, and change what happens to them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orion.cli import completing
from orion.cli.api import api
from orion.cli.console import (
    Format,
    Json,
    Limit,
    Output,
    ago,
    count,
    note,
    show_json,
    show_object,
    show_rows,
)
from orion.cli.groups import new_group
from orion.cli.logs import follow_logs, print_lines, read_level, read_logs
from orion.cli.lookup import find_flow_run, flow_names
from orion.cli.run_changes import cancel, delete, retry
from orion.cli.run_filters import STATE_NAMES, STATE_TYPES, filter_of, state_of
from orion.errors import Invalid
from orion.model.times import utcnow

app = new_group("Look at runs, read their logs, cancel, retry or delete them.")

Run = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Id, name or beginning of the id.", autocompletion=completing.runs),
]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@app.command("ls")
def ls(
    flow_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOW", help="Only runs of this flow; repeatable.", autocompletion=completing.flows
        ),
    ] = None,
    state_type: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE",
            help="Only runs in a state of this type.",
            autocompletion=completing.words(*STATE_TYPES),
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only runs in a state of this name.",
            autocompletion=completing.words(*STATE_NAMES),
        ),
    ] = None,
    upcoming: Annotated[
        bool, typer.Option("--upcoming", help="Instead: those that are planned for later, the next first.")
    ] = False,
    limit: Limit = 15,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List runs, the newest first; those that are planned for later with --upcoming, or when a state is given."""
    body = filter_of(flow_name, state_type, state)
    as_json = as_json or output is Format.json
    with api() as server:
        if upcoming or not (state_type or state):
            at_a_time = {"expected_start_time": {"after_" if upcoming else "before_": utcnow()}}
            body["flow_runs"] = {**body.get("flow_runs", {}), **at_a_time}
            body["sort"] = f"EXPECTED_START_TIME_{'ASC' if upcoming else 'DESC'}"
        rows = server.rows("/flow_runs/filter", body, limit)
        names = flow_names(server, rows)
        later = 0 if rows or upcoming or as_json else server.post("/flow_runs/count", filter_of(flow_name, None, None))
    if as_json:
        return show_json(rows)
    if later:
        note(f"No run is due yet; {count(later, 'run is', 'runs are')} planned: --upcoming shows them.")
    show_rows(
        ("ID", "Flow", "Name", "State", "When"),
        [(r["id"], names.get(r["flow_id"], ""), r["name"], state_of(r), ago(_when(r))) for r in rows],
        limit,
    )


def _when(run: dict[str, Any]) -> str | None:
    return run["end_time"] or run["start_time"] or run["expected_start_time"]


@app.command("inspect")
def inspect(run: Run, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a run with its state."""
    with api() as server:
        row = find_flow_run(server, run)
        if as_json or output is Format.json:
            return show_json(row)
        flow = flow_names(server, [row]).get(row["flow_id"])
        waits = None if row["state_type"] in ENDED else server.get(f"/flow_runs/{row['id']}/why")["reason"]
    state = row.get("state") or {}
    left_out = {"state", "state_id", "flow_id"}
    show_object(
        {
            "flow": flow,
            "state": state_of(row),
            "message": state.get("message"),
            **({"waits": waits} if waits else {}),
            **{name: value for name, value in row.items() if name not in left_out},
        }
    )


@app.command("why")
def why(run: Run, as_json: Json = False, output: Output = Format.text) -> None:
    """Say why a run waits: cause by cause, who holds what it waits for, and the command that mends it."""
    with api() as server:
        told = server.get(f"/flow_runs/{find_flow_run(server, run)['id']}/why")
    if as_json or output is Format.json:
        return show_json(told)
    if not told["causes"]:
        state = (told["state_name"] or "without a state").lower()
        print(f"Run {told['name']!r} is {state}; it waits for nothing.")
    for cause in told["causes"]:
        print(f"{'x' if cause['stops'] else '-'} {_told(cause)}")
        for mend in cause["mends"] if cause["stops"] else ():
            if mend["command"]:
                print(f"    {mend['command']}")


def _told(cause: dict[str, Any]) -> str:
    by = " by " if cause["kind"].endswith("limit") else ": "
    held = ", ".join(
        holder["name"] + (f" since {ago(holder['since'])}" if holder["since"] else "")
        for holder in cause["holders"]
    )
    return cause["title"] + (by + held if held else "") + (f", {cause['text']}" if cause["text"] else "")


@app.command("logs")
def logs(
    run: Run,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Wait for more until the run ends.")] = False,
    head: Annotated[bool, typer.Option("-h", "--head", help="Only the first lines.")] = False,
    tail: Annotated[bool, typer.Option("-t", "--tail", help="Only the last lines.")] = False,
    num_logs: Annotated[
        int, typer.Option("-n", "--num-logs", metavar="N", min=1, help="How many then.")
    ] = 20,
    reverse: Annotated[bool, typer.Option("-r", "--reverse", help="The newest first.")] = False,
    level: Annotated[
        str | None, typer.Option("--level", metavar="LEVEL", help="Only from this level on: warning, error.")
    ] = None,
    grep: Annotated[
        str | None, typer.Option("--grep", metavar="TEXT", help="Only lines with this text in their message.")
    ] = None,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Show the log lines of a run."""
    if head and tail:
        raise Invalid("Give either --head or --tail.")
    least = read_level(level)
    with api() as server:
        row = find_flow_run(server, run)
        if follow:
            return follow_logs(server, row["id"], level=least, text=grep)
        count = num_logs if head or tail else None
        pages = read_logs(
            server, row["id"], newest_first=reverse or tail, limit=count, level=least, text=grep
        )
        if tail and not reverse:
            pages = iter([[line for page in pages for line in page][::-1]])
        if as_json or output is Format.json:
            return show_json([line for page in pages for line in page])
        for page in pages:
            print_lines(page)


@app.command("watch")
def watch(run: Run) -> None:
    """Follow a run's logs until it ends; exits 1 unless it has completed."""
    with api() as server:
        row = find_flow_run(server, run)
        follow_logs(server, row["id"])
        ended = server.get(f"/flow_runs/{row['id']}")
    print(f"Run {ended['name']!r} ended as {state_of(ended)}{_why(ended)}.")
    raise typer.Exit(0 if ended["state_type"] == "COMPLETED" else 1)


def _why(run: dict[str, Any]) -> str:
    """What its last state says of a run that did not complete; its logs may say nothing, as where it never started."""
    message = (run["state"] or {}).get("message")
    return f": {message.rstrip('.')}" if message and run["state_type"] != "COMPLETED" else ""


for name, change in {"cancel": cancel, "retry": retry, "delete": delete}.items():
    app.command(name)(change)
