"""`orion version`."""

from __future__ import annotations

from orion.cli.console import Format, Json, Output, show_json
from orion.cli.facts import gather, lines
from orion.cli.groups import new_command
from orion.settings import current

app = new_command()


@app.command()
def version(as_json: Json = False, output: Output = Format.text) -> None:
    """Show versions and where things are."""
    facts = gather(current())
    show_json(facts) if as_json or output is Format.json else print(lines(facts))
