"""`orion variable`: small named values that flows read while they run."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, show_json, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import at, by_id, by_prefix, missing
from orion.errors import Invalid

app = new_group("Set, read and unset variables.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name, id or beginning of the id.", autocompletion=completing.variables
    ),
]


@app.command("ls")
def ls(limit: Limit = 100, as_json: Json = False, output: Output = Format.text) -> None:
    """List the variables."""
    with api() as server:
        rows = server.rows("/variables/filter", {}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Name", "Value", "Tags", "Changed"),
        [(row["name"], row["value"], ", ".join(row["tags"]), ago(row["updated"])) for row in rows],
        limit,
    )


@app.command("get")
@app.command("inspect", hidden=True)
def get(name: Name, as_json: Json = False, output: Output = Format.text) -> None:
    """Print the value of a variable: a text as it is, anything else as JSON."""
    with api() as server:
        row = _find(server, name)
    if as_json or output is Format.json:
        return show_json(row)
    print(row["value"] if isinstance(row["value"], str) else json.dumps(row["value"], ensure_ascii=False))


@app.command("set")
def set_variable(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Its name; made or changed.", autocompletion=completing.variables
        ),
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="JSON, or else a text.")],
    tag: Annotated[
        list[str] | None, typer.Option("-t", "--tag", metavar="TAG", help="A tag of it; repeatable.")
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Take the value as a text, whatever it looks like.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Refuse to change a variable that is there.")] = False,
) -> None:
    """Give a variable a value."""
    found = value if text else _value(value)
    with api() as server:
        before = at(server, _path(name))
        if before is None:
            server.post("/variables/", {"name": name, "value": found, "tags": tag or []})
        elif keep:
            raise Invalid(f"The variable {name!r} has a value already.")
        else:
            server.patch(_path(name), {"value": found, **({"tags": tag} if tag else {})})
    print(f"Set the variable {name!r}.")


@app.command("unset")
@app.command("delete", hidden=True)
def unset(name: Name) -> None:
    """Delete a variable."""
    with api() as server:
        row = _find(server, name)
        server.delete(f"/variables/{row['id']}")
    print(f"Unset the variable {row['name']!r}.")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _path(name: str) -> str:
    return f"/variables/name/{quote(name, safe='')}"


def _find(server: Api, name: str) -> dict[str, Any]:
    return (
        at(server, _path(name))
        or by_id(server, "variables", name)
        or by_prefix(server, "variables", name)
        or missing("variable", name, "orion variable ls")
    )
