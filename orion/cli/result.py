"""`orion result`: what a run gave."""

from __future__ import annotations

from pprint import pformat
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orion.cli import completing
from orion.cli.console import Json
from orion.cli.groups import new_command
from orion.errors import OrionError

if TYPE_CHECKING:
    from orion.sdk.states import State

app = new_command()


@app.command()
def result(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A flow run: name, id or beginning of the id; or a task run: its id or the beginning of it.",
            autocompletion=completing.runs,
        ),
    ],
    trust: Annotated[
        list[str] | None,
        typer.Option(
            "--trust",
            metavar="TYPE/NAME",
            help="Read from this storage, too: a saved block or a folder; repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the result of a run. It is read from the storages that the settings name, and from no other."""
    from orion.sdk import result_storage

    for name in trust or ():
        result_storage.configure(name)
    value = _value(_state(run), run)
    print(_json(value, run) if as_json else value if isinstance(value, str) else pformat(value, width=100))


def _state(run: str) -> State | None:
    from orion.cli.api import api
    from orion.cli.lookup import by_id, by_prefix, find_flow_run
    from orion.errors import NotFound
    from orion.sdk.client import SyncClient

    with SyncClient() as client, api() as server:
        if task := by_id(server, "task_runs", run):
            return client.read_task_run(task["id"]).state
        try:
            return client.read_flow_run(find_flow_run(server, run)["id"]).state
        except NotFound:
            if task := by_prefix(server, "task_runs", run):
                return client.read_task_run(task["id"]).state
            raise


def _value(state: State | None, run: str) -> Any:
    if state is None:
        raise OrionError(f"The run {run} has no state, so it has no result.")
    try:
        return state.result()
    except OrionError:
        raise
    except Exception as error:
        raise OrionError(f"The run {run} is {state.name}: {type(error).__name__}: {error}") from None


def _json(value: Any, run: str) -> str:
    import msgspec

    try:
        return msgspec.json.format(msgspec.json.encode(value)).decode()
    except (TypeError, ValueError) as error:
        raise OrionError(f"The result of {run} is nothing that JSON knows: {error}") from None
