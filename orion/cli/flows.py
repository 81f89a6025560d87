"""`orion flow`."""

from __future__ import annotations

from typing import Annotated

import typer

from orion.cli import completing
from orion.cli.api import api
from orion.cli.console import Format, Json, Limit, Output, ago, confirm, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import find_flow

app = new_group("Look at flows.")


@app.command("ls")
def ls(limit: Limit = 15, as_json: Json = False, output: Output = Format.text) -> None:
    """List flows, the newest first."""
    with api() as server:
        rows = server.rows("/flows/filter", {"sort": "CREATED_DESC"}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    cells = [(row["id"], row["name"], ago(row["created"])) for row in rows]
    show_rows(("ID", "Name", "Created"), cells, limit)


@app.command("inspect")
def inspect(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="Name or id.", autocompletion=completing.flows)],
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Show a flow."""
    with api() as server:
        row = find_flow(server, flow)
    show_json(row) if as_json or output is Format.json else show_object(row)


@app.command("delete")
def delete(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="Name or id.", autocompletion=completing.flows)],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a flow with its runs and deployments."""
    with api() as server:
        row = find_flow(server, flow)
        confirm(f"Delete flow {row['name']!r} with all its runs and deployments?", yes)
        server.delete(f"/flows/{row['id']}")
    print(f"Deleted flow {row['name']!r}.")
