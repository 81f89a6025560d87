"""`orion artifact`: what runs left for people to read."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, confirm, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import by_id, by_prefix, missing

app = new_group("Look at what runs left to read, and delete it.")

Name = Annotated[
    str, typer.Argument(metavar="KEY", help="A key, or the id of an artifact or the beginning of it.")
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


@app.command("ls")
def ls(
    limit: Limit = 100,
    every: Annotated[
        bool, typer.Option("--all", help="Every artifact, not only the newest of each key.")
    ] = False,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List the keys with their newest artifact, those that changed last first."""
    with api() as server:
        where = (
            ("/artifacts/filter", "CREATED_DESC") if every else ("/artifacts/latest/filter", "UPDATED_DESC")
        )
        rows = server.rows(where[0], {"sort": where[1]}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Key", "Type", "ID", "Changed", "Description"),
        [
            (
                row["key"],
                row["type"],
                row.get("latest_id", row["id"]),
                ago(row["updated"]),
                row["description"],
            )
            for row in rows
        ],
        limit,
    )


@app.command("inspect")
def inspect(name: Name, limit: Limit = 1, as_json: Json = False, output: Output = Format.text) -> None:
    """Show an artifact by its id, or the newest of a key; more of them with --limit."""
    with api() as server:
        rows = _find(server, name, limit)
    if as_json or output is Format.json:
        return show_json(rows if limit > 1 else rows[0])
    for number, row in enumerate(rows):
        if number:
            print()
        show_object({field: value for field, value in row.items() if field != "data"})
        print(row["data"] if isinstance(row["data"], str) else json.dumps(row["data"], ensure_ascii=False))


@app.command("delete")
def delete(name: Name, yes: Yes = False) -> None:
    """Delete an artifact by its id, or all artifacts of a key."""
    with api() as server:
        rows = _find(server, name, 10_000)
        what = f"the {len(rows)} artifacts of {name}" if len(rows) > 1 else f"the artifact {name}"
        confirm(f"Delete {what}?", yes)
        for row in rows:
            server.delete(f"/artifacts/{row['id']}")
    print(f"Deleted {what}.")


def _find(server: Api, name: str, limit: int) -> list[dict[str, Any]]:
    """The artifact of an id, the newest of a key, or the artifact whose id begins so."""
    if found := by_id(server, "artifacts", name):
        return [found]
    wanted = {"artifacts": {"key": {"any_": [name]}}, "sort": "ID_DESC"}
    return server.rows("/artifacts/filter", wanted, limit) or [
        by_prefix(server, "artifacts", name) or missing("artifact", name, "orion artifact ls")
    ]
