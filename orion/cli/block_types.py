"""`orion block type`: the kinds of blocks that there are."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, confirm, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import among, at, missing
from orion.errors import NotFound

app = new_group("Look at the types of blocks, and delete those of your own.")

Slug = Annotated[
    str,
    typer.Argument(
        metavar="SLUG", help="The slug, id or beginning of the id.", autocompletion=completing.block_types
    ),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


@app.command("ls")
def ls(limit: Limit = 200, as_json: Json = False, output: Output = Format.text) -> None:
    """List the types."""
    with api() as server:
        rows = server.rows("/block_types/filter", {}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Slug", "Name", "What it is"),
        [(row["slug"], row["name"], row["description"]) for row in rows],
        limit,
    )


@app.command("inspect")
def inspect(slug: Slug, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a type, its fields and an example."""
    with api() as server:
        kind = find_type(server, slug)
        fields = newest_schema(server, kind)["fields"]
    if as_json or output is Format.json:
        return show_json({**kind, "fields": fields})
    show_object({name: kind[name] for name in ("slug", "name", "id", "description", "is_protected")})
    show_rows(
        ("Field", "Type", "What it is"),
        [
            (name, field.get("type") or "block", field.get("description"))
            for name, field in fields["properties"].items()
        ],
    )
    if kind["code_example"]:
        print(kind["code_example"])


@app.command("delete")
def delete(slug: Slug, yes: Yes = False) -> None:
    """Delete a type with all its blocks; built-in types stay."""
    with api() as server:
        kind = find_type(server, slug)
        confirm(f"Delete the block type {kind['slug']!r} with all its blocks?", yes)
        server.delete(f"/block_types/{kind['id']}")
    print(f"Deleted the block type {kind['slug']!r}.")


def newest_schema(server: Api, kind: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type that was registered last."""
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    rows = server.rows("/block_schemas/filter", wanted, 1)
    if not rows:
        raise NotFound(
            f"The block type {kind['slug']!r} has no schema: register its class with orion block register."
        )
    return rows[0]


def find_type(server: Api, slug: str) -> dict[str, Any]:
    """A block type by slug, id or beginning of its id."""
    return (
        at(server, f"/block_types/slug/{quote(slug, safe='')}")
        or among(server, "block_types", slug)
        or missing("block type", slug, "orion block type ls")
    )
