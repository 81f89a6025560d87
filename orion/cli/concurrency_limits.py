"""`orion concurrency-limit`: how many task runs with a tag may run at one time."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import among, at, missing

app = new_group("Limit how many task runs with a tag run at once.")

NewTag = Annotated[str, typer.Argument(metavar="TAG", help="The tag of the task runs.")]
Tag = Annotated[
    str,
    typer.Argument(metavar="TAG", help="The tag, or the id of its limit.", autocompletion=completing.tags),
]


@app.command("create")
def create(
    tag: NewTag,
    limit: Annotated[int, typer.Argument(min=0, metavar="N", help="How many at one time; 0 lets none run.")],
) -> None:
    """Let at most N task runs with this tag run at one time."""
    with api() as server:
        server.post("/concurrency_limits/", {"tag": tag, "concurrency_limit": limit})
    print(f"At most {limit} task runs tagged {tag!r} run at one time.")


@app.command("ls")
def ls(
    limit: Limit = 15,
    offset: Annotated[int, typer.Option(metavar="N", min=0, help="How many to leave out first.")] = 0,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List the limits."""
    with api() as server:
        rows = server.rows("/concurrency_limits/filter", {}, limit + offset)[offset:]
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Tag", "Limit", "Running", "ID", "Changed"),
        [
            (row["tag"], row["concurrency_limit"], len(row["active_slots"]), row["id"], ago(row["updated"]))
            for row in rows
        ],
        limit,
    )


@app.command("inspect")
@app.command("read", hidden=True)
def inspect(tag: Tag, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a limit and the task runs that hold its slots."""
    with api() as server:
        row = _find(server, tag)
    show_json(row) if as_json or output is Format.json else show_object(row)


@app.command("delete")
def delete(tag: Tag) -> None:
    """Take a limit away."""
    with api() as server:
        row = _find(server, tag)
        server.delete(f"/concurrency_limits/{row['id']}")
    print(f"Task runs tagged {row['tag']!r} have no limit any more.")


def _find(server: Api, tag: str) -> dict[str, Any]:
    return (
        at(server, f"/concurrency_limits/tag/{quote(tag, safe='')}")
        or among(server, "concurrency_limits", tag)
        or missing("limit for the tag", tag, "orion concurrency-limit ls")
    )
