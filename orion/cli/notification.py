"""`orion notification`: who is told of which states, and what became of each message."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orion.cli.api import Api, api
from orion.cli.console import Format, Json, Limit, Output, ago, fail, note, show_json, show_object, show_rows
from orion.cli.groups import new_group
from orion.cli.lookup import (
    among,
    deployment_names,
    find_block,
    find_deployment,
    find_flow,
    flow_names,
    missing,
)
from orion.cli.run_filters import STATE_NAMES, spelled

app = new_group("Say who is told of which states, test it, and send again what failed.")

POLICIES = "/flow_run_notification_policies"
MOST = 10_000

Policy = Annotated[str, typer.Argument(metavar="POLICY", help="Its id, or the beginning of it.")]


@app.command("create")
def create(
    to: Annotated[str, typer.Option("--to", metavar="TYPE/NAME", help="The block to tell, or its id.")],
    state: Annotated[
        list[str] | None,
        typer.Option(
            "-s", "--state", metavar="NAME", help="A state's name; repeat it for more. None means all."
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("-t", "--tag", metavar="TAG", help="Only runs with one of these tags.")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option("-f", "--flow", metavar="FLOW", help="Only runs of one of these flows."),
    ] = None,
    deployment: Annotated[
        list[str] | None,
        typer.Option(
            "-d", "--deployment", metavar="FLOW/NAME", help="Only runs of one of these deployments."
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("-m", "--message", metavar="TEMPLATE", help="What is said: text with {variables}."),
    ] = None,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Tell a block whenever a run enters one of the states."""
    names = [spelled(name) for name in state or []]
    for name in names:
        if name not in STATE_NAMES:
            note(f"orion itself knows no state {name!r}: only runs whose flow gives that name are told of.")
    with api() as server:
        body = {
            "state_names": names,
            "tags": tag or [],
            "block_document_id": find_block(server, to)["id"],
            "message_template": message,
            "flow_ids": [find_flow(server, name)["id"] for name in flow or []],
            "deployment_ids": [find_deployment(server, name)["id"] for name in deployment or []],
        }
        row = server.post(f"{POLICIES}/", body)
    if as_json or output is Format.json:
        return show_json(row)
    print(f"Created notification policy {row['id']}.")
    print(f"Try it:  orion notification test {row['id']}")


@app.command("ls")
def ls(as_json: Json = False, output: Output = Format.text) -> None:
    """List the policies."""
    with api() as server:
        rows = server.rows(f"{POLICIES}/filter", {}, MOST)
        if as_json or output is Format.json:
            return show_json(rows)
        blocks = _blocks(server)
        flows = flow_names(server, [{"flow_id": flow} for row in rows for flow in row["flow_ids"]])
        wanted = [{"deployment_id": each} for row in rows for each in row["deployment_ids"]]
        named = {**flows, **deployment_names(server, wanted)}
    show_rows(
        ("ID", "On", "States", "Tags", "Of", "Tells"),
        [
            (
                row["id"],
                row["is_active"],
                ", ".join(row["state_names"]) or "any",
                ", ".join(row["tags"]) or "any",
                ", ".join(named.get(id, "gone") for id in (*row["flow_ids"], *row["deployment_ids"])) or "any",
                blocks.get(row["block_document_id"], "a block that is gone"),
            )
            for row in rows
        ],
    )


@app.command("inspect")
def inspect(policy: Policy, as_json: Json = False, output: Output = Format.text) -> None:
    """Show a policy."""
    with api() as server:
        row = _find(server, policy)
    show_json(row) if as_json or output is Format.json else show_object(row)


@app.command("pause")
def pause(policy: Policy) -> None:
    """Tell nothing until it is resumed; what waits already still goes out."""
    _switch(policy, False, "is off")


@app.command("resume")
def resume(policy: Policy) -> None:
    """Tell again from now on."""
    _switch(policy, True, "is on")


@app.command("delete")
def delete(policy: Policy) -> None:
    """Delete a policy and its messages."""
    with api() as server:
        row = _find(server, policy)
        server.delete(f"{POLICIES}/{row['id']}")
    print(f"Deleted notification policy {row['id']}.")


@app.command("test")
def test(policy: Policy, as_json: Json = False, output: Output = Format.text) -> None:
    """Send a test message through the policy's block now; exits 1 when it is not taken."""
    with api() as server:
        outcome = server.post(f"{POLICIES}/{_find(server, policy)['id']}/test")
    if as_json or output is Format.json:
        show_json(outcome)
    elif outcome["delivered"]:
        print(f"Delivered: {outcome['said']}")
    if not outcome["delivered"]:
        raise typer.Exit(fail(f"Not delivered: {outcome['said']}", 1))


@app.command("deliveries")
def deliveries(
    policy: Annotated[
        str | None, typer.Argument(metavar="[POLICY]", help="Only those of this policy.", show_default=False)
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    limit: Limit = 15,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """List messages and what became of them, newest first."""
    with api() as server:
        rows = _deliveries(server, limit, policy, dead)
    if as_json or output is Format.json:
        return show_json(rows)
    show_rows(
        ("ID", "Status", "Run", "State", "To", "Tries", "Made", "Said"),
        [
            (
                row["id"],
                row["status"],
                f"{row['flow_name']}/{row['flow_run_name']}",
                row["state_name"],
                f"{row['block_type_slug']}/{row['block_name']}"
                if row["block_name"]
                else "a block that is gone",
                row["attempts"],
                ago(row["created"]),
                row["last_error"] or row["answer"],
            )
            for row in rows
        ],
        limit,
    )


@app.command("resend")
def resend(
    message: Annotated[
        str | None,
        typer.Argument(metavar="[MESSAGE]", help="Its id, or the beginning of it.", show_default=False),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
) -> None:
    """Send a message again that was given up, or at once if it waits; receivers get the same key."""
    if (message is None) is not dead:
        raise typer.BadParameter("Name one message, or say --dead for all that were given up.")
    with api() as server:
        chosen = _deliveries(server, MOST, None, dead) if message is None else [_message(server, message)]
        for row in chosen:
            server.post(f"/notification_deliveries/{row['id']}/send")
    print(f"{len(chosen)} {'message is' if len(chosen) == 1 else 'messages are'} being sent again.")


def _deliveries(server: Api, limit: int, policy: str | None, dead: bool) -> list[dict[str, Any]]:
    body: dict[str, Any] = {"status": "dead"} if dead else {}
    if policy is not None:
        body["policy_id"] = _find(server, policy)["id"]
    return server.rows("/notification_deliveries/filter", body, limit)


def _switch(policy: str, active: bool, outcome: str) -> None:
    with api() as server:
        row = _find(server, policy)
        server.patch(f"{POLICIES}/{row['id']}", {"is_active": active})
    print(f"Notification policy {row['id']} {outcome}.")


def _find(server: Api, what: str) -> dict[str, Any]:
    return among(server, POLICIES[1:], what) or missing("notification policy", what, "orion notification ls")


def _message(server: Api, what: str) -> dict[str, Any]:
    found = among(server, "notification_deliveries", what)
    return found or missing("message", what, "orion notification deliveries")


def _blocks(server: Api) -> dict[str, str]:
    return {row["id"]: _named(row) for row in server.rows("/block_documents/filter", {}, MOST)}


def _named(row: dict[str, Any]) -> str:
    return f"{(row['block_type'] or {}).get('slug')}/{row['name']}"
