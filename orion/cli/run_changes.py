"""`orion flow-run cancel`, `retry` and `delete`: for runs that are named, or for all that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from orion.cli import completing
from orion.cli.api import Api, api
from orion.cli.console import confirm, count, fail, note
from orion.cli.lookup import find_flow_run
from orion.cli.progress import each
from orion.cli.run_filters import STATE_NAMES, STATE_TYPES, filter_of, state_of
from orion.errors import Conflict, Invalid

MOST = 200
Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN...", help="Ids, names or beginnings of ids.", autocompletion=completing.runs),
]
FlowName = Annotated[
    list[str] | None,
    typer.Option(metavar="FLOW", help="All runs of this flow; repeatable.", autocompletion=completing.flows),
]
StateType = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE",
        help="All runs in a state of this type.",
        autocompletion=completing.words(*STATE_TYPES),
    ),
]
StateName = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="NAME",
        help="All runs in a state of this name.",
        autocompletion=completing.words(*STATE_NAMES),
    ),
]
Most = Annotated[int, typer.Option("-l", "--limit", metavar="N", min=1, help="How many of those at most.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


def cancel(
    runs: Runs = None,
    flow_name: FlowName = None,
    state_type: StateType = None,
    state: StateName = None,
    limit: Most = MOST,
    yes: Yes = False,
) -> None:
    """Cancel runs: at once those that have not begun, the others by ending their process."""
    cancelling = {"type": "CANCELLING", "name": "Cancelling", "message": "Cancelled from the command line."}
    wanted = Chosen(runs, flow_name, state_type, state, limit, yes)
    _to_each(
        wanted,
        "Cancel",
        "Cancelling",
        lambda server, row: _propose(server, row, cancelling, "cancelled", ("CANCELLING", "CANCELLED")),
    )


def retry(
    runs: Runs = None,
    flow_name: FlowName = None,
    state_type: StateType = None,
    state: StateName = None,
    limit: Most = MOST,
    yes: Yes = False,
) -> None:
    """Run finished runs of deployments again; what their tasks have stored is kept."""
    from orion.model.times import utcnow

    again = {
        "type": "SCHEDULED",
        "name": "AwaitingRetry",
        "message": "Retried from the command line.",
        "state_details": {"scheduled_time": utcnow()},
    }
    wanted = Chosen(runs, flow_name, state_type, state, limit, yes)
    _to_each(
        wanted,
        "Retry",
        "Retrying",
        lambda server, row: _propose(server, row, again, "retried", ("SCHEDULED",)),
    )


def delete(
    runs: Runs = None,
    flow_name: FlowName = None,
    state_type: StateType = None,
    state: StateName = None,
    limit: Most = MOST,
    yes: Yes = False,
) -> None:
    """Delete runs with their task runs, states and logs."""
    wanted = Chosen(runs, flow_name, state_type, state, limit, yes)
    _to_each(wanted, "Delete", "Deleting", _delete)


class Chosen(NamedTuple):
    """Runs that are named, or all that a filter finds."""

    names: list[str] | None
    flows: list[str] | None
    types: list[str] | None
    states: list[str] | None
    limit: int
    yes: bool


def _to_each(chosen: Chosen, verb: str, doing: str, act: Callable[[Api, dict[str, Any]], str]) -> None:
    """Do it to every run; what is refused is told in a line each, and the others go on."""
    with api() as server:
        rows = _chosen(server, chosen, verb)
        refused = 0
        for row, say in each(doing, rows):
            try:
                say(act(server, row))
            except Conflict as error:
                refused = fail(error.message, 1)
    if refused:
        raise typer.Exit(refused)


def _chosen(server: Api, chosen: Chosen, verb: str) -> list[dict[str, Any]]:
    by_filter = chosen.flows or chosen.types or chosen.states
    if bool(chosen.names) == bool(by_filter):
        raise Invalid("Name runs, or choose them by --flow-name, --state-type or --state.")
    if chosen.names:
        return [find_flow_run(server, name) for name in chosen.names]
    body = filter_of(chosen.flows, chosen.types, chosen.states)
    rows = server.rows("/flow_runs/filter", body, chosen.limit)
    if rows:
        confirm(f"{verb} {count(len(rows), 'run')}?", chosen.yes)
    else:
        note("There is no such run.")
    return rows


def _propose(
    server: Api, row: dict[str, Any], state: dict[str, Any], verb: str, meant: tuple[str, ...]
) -> str:
    """Propose a state; the run is then in one that is meant, or it was refused."""
    answer = server.post(f"/flow_runs/{row['id']}/set_state", {"state": state, "force": False})
    if answer["status"] in ("ABORT", "WAIT") or answer["state"]["type"] not in meant:
        reason = (answer.get("details") or {}).get("reason") or "the server gave no reason"
        raise Conflict(f"Run {row['name']!r} ({state_of(row)}) was not {verb}: {reason}")
    after = server.get(f"/flow_runs/{row['id']}")
    return f"Run {row['name']!r} is {state_of(after)}."


def _delete(server: Api, row: dict[str, Any]) -> str:
    server.delete(f"/flow_runs/{row['id']}")
    return f"Deleted run {row['name']!r} ({row['id']})."
