"""`orion global-concurrency-limit`, short `gcl`: named limits, which code uses with `concurrency` and `rate_limit`."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, count, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import among, at, missing
from orion.errors import Invalid

app = new_group("Limit what code does at one time, or how often, by named slots.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name, id or beginning of the id.", autocompletion=completing.limits),
]
ROUTE = "/v2/concurrency_limits"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that code asks for.")],
    limit: Annotated[int, typer.Option("-l", "--limit", min=0, metavar="N", help="How many slots it has.")],
    decay: Annotated[
        float,
        typer.Option(
            "--slot-decay-per-second", min=0, metavar="N", help="For a rate: slots that come back a second."
        ),
    ] = 0.0,
    disable: Annotated[bool, typer.Option("--disable", help="Do not enforce it yet.")] = False,
) -> None:
    """Make a limit."""
    body = {"name": name, "limit": limit, "slot_decay_per_second": decay, "active": not disable}
    with api() as server:
        server.post(f"{ROUTE}/", body)
    print(
        f"The limit {name!r} has {count(limit, 'slot')}{f', {decay:g} of them come back a second' if decay else ''}."
    )


@app.command("ls")
def ls(limit: Limit = 200, as_json: Json = False, output: Output = Format.text) -> None:
    """List the limits by name."""
    with api() as server:
        rows = server.rows(f"{ROUTE}/filter", {}, limit)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("Name", "Limit", "Taken", "Decay", "Enforced", "ID", "Changed"),
        [
            (
                row["name"], row["limit"], row["active_slots"], row["slot_decay_per_second"] or "",
                row["active"], row["id"], ago(row["updated"]),
            )
            for row in rows
        ],
        limit,
    )  # fmt: skip


@app.command("inspect")
def inspect(name: Name, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a limit, with how many of its slots are taken."""
    with api() as server:
        row = _find(server, name)
    show_json(row) if as_json or output is Format.json else show_object(row)


@app.command("update")
def update(
    name: Name,
    limit: Annotated[
        int | None, typer.Option("-l", "--limit", min=0, metavar="N", help="How many slots it has.")
    ] = None,
    decay: Annotated[
        float | None,
        typer.Option(
            "--slot-decay-per-second",
            min=0,
            metavar="N",
            help="Slots that come back a second; 0: when given back.",
        ),
    ] = None,
) -> None:
    """Change how many slots a limit has, or how fast they come back."""
    given = {"limit": limit, "slot_decay_per_second": decay}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise Invalid("Nothing to change: give --limit or --slot-decay-per-second.")
    _change(name, changes, "is changed")


@app.command("enable")
def enable(name: Name) -> None:
    """Enforce a limit."""
    _change(name, {"active": True}, "is enforced")


@app.command("disable")
def disable(name: Name) -> None:
    """Let everybody pass, until it is enabled again."""
    _change(name, {"active": False}, "is not enforced")


@app.command("delete")
def delete(name: Name) -> None:
    """Take a limit away."""
    with api() as server:
        row = _find(server, name)
        server.delete(f"{ROUTE}/{row['id']}")
    print(f"Deleted the limit {row['name']!r}.")


def _change(name: str, changes: dict[str, Any], outcome: str) -> None:
    with api() as server:
        row = _find(server, name)
        server.patch(f"{ROUTE}/{row['id']}", changes)
    print(f"The limit {row['name']!r} {outcome}.")


def _find(server: Api, name: str) -> dict[str, Any]:
    return (
        at(server, f"{ROUTE}/{quote(name, safe='')}")
        or among(server, "v2/concurrency_limits", name)
        or missing("limit", name, "orion gcl ls")
    )
