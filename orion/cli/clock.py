"""`orion clock`: the clock as a process of its own, for several servers over one database."""

from __future__ import annotations

from typing import Annotated

import typer

from orion.cli.groups import new_command

app = new_command()


@app.command()
def clock(
    once: Annotated[bool, typer.Option("--once", help="Run every duty once and exit.")] = False,
) -> None:
    """Run the clock alone: schedules, late runs, leases, notifications."""
    from orion.layout import door

    raise typer.Exit(door("tasks").main(["--once"] if once else []))
