"""`orion block`: register classes, make, look at and delete saved blocks, and change their key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orion.cli import block_types, completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, confirm, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import block_at, find_block
from orion.errors import Invalid

app = new_group("Register block classes; make, look at and delete saved blocks.")
app.add_typer(block_types.app, name="type")

Slug = Annotated[
    str,
    typer.Argument(
        metavar="SLUG/NAME",
        help="As `orion block ls` shows it: secret/token; or its id or the beginning of it.",
        autocompletion=completing.blocks,
    ),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


@app.command("register")
def register(
    module: Annotated[str | None, typer.Option("-m", "--module", metavar="MODULE", help="A module.")] = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", metavar="FILE", help="A Python file.")] = None,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Tell the API of the block classes in a module or a file."""
    from orion.cli.block_classes import classes_in

    found = classes_in(module, file)
    for cls in found:
        cls.register()
    rows = [{"name": cls.get_block_type_name(), "slug": cls.get_block_type_slug()} for cls in found]
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(("Registered", "Slug"), [(row["name"], row["slug"]) for row in rows])


@app.command("ls")
def ls(limit: Limit = 100, as_json: Json = False, output: Output = Format.text) -> None:
    """List saved blocks."""
    with api() as server:
        rows = server.rows("/block_documents/filter", {}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Block", "Type", "ID", "Changed"),
        [(_slug(row), row["block_type_name"], row["id"], ago(row["updated"])) for row in rows],
        limit,
    )


@app.command("inspect")
def inspect(name: Slug, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a saved block; secrets stay hidden."""
    with api() as server:
        row = find_block(server, name)
    if as_json or output is Format.json:
        return show_json(row)
    show_object({"block": _slug(row), "type": row["block_type_name"], "id": row["id"], **row["data"]})


@app.command("create")
def create(
    slug: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="The slug of the type: see `orion block type ls`.",
            autocompletion=completing.block_types,
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and dashes.")],
    values: Annotated[
        list[str] | None,
        typer.Option("-v", "--value", metavar="FIELD=VALUE", help="A field; JSON, or else a text."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", metavar="FILE", help="The fields as JSON or YAML; - is standard input."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the fields of a block of that name.")
    ] = False,
) -> None:
    """Save a block, from a file, from options, or from what you are asked."""
    from orion.cli.block_fields import gather
    from orion.model.blocks import check_name

    check_name(name)
    with api() as server:
        schema = block_types.newest_schema(server, block_types.find_type(server, slug))
        data = gather(schema["fields"], file, values or [])
        body = {
            "name": name,
            "data": data,
            "block_schema_id": schema["id"],
            "block_type_id": schema["block_type_id"],
        }
        _save(server, slug, body, overwrite)
    print(f"Saved {slug}/{name}.")


@app.command("delete")
def delete(name: Slug, yes: Yes = False) -> None:
    """Delete a saved block."""
    with api() as server:
        row = find_block(server, name)
        confirm(f"Delete the block {_slug(row)}? What refers to it will fail.", yes)
        server.delete(f"/block_documents/{row['id']}")
    print(f"Deleted {_slug(row)}.")


@app.command("rotate-key")
def rotate_key() -> None:
    """Encrypt all saved blocks with a new key, or with the first of ORION_ENCRYPTION_KEY."""
    with api() as server:
        answer = server.post("/admin/rotate_key")
    number = answer["documents"]
    print(f"Encrypted {number} block{'' if number == 1 else 's'} with the new key in {answer['key']}.")


def _save(server: Api, slug: str, body: dict[str, Any], overwrite: bool) -> None:
    before = block_at(server, slug, body["name"])
    if before is None:
        server.post("/block_documents/", body)
    elif overwrite:
        change = {
            "data": body["data"],
            "block_schema_id": body["block_schema_id"],
            "merge_existing_data": False,
        }
        server.patch(f"/block_documents/{before['id']}", change)
    else:
        raise Invalid(
            f"There is a block {slug}/{body['name']} already: add --overwrite, or choose another name."
        )


def _slug(row: dict[str, Any]) -> str:
    return f"{row['block_type']['slug']}/{row['name']}"
