"""The socket of events: the handshake, what is recorded, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orion.settings import Settings
from orion.web.factory import build_app
from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client
from tests.web.makers import running_flow_run
from tests.web.sockets import Socket

TASK = "0190b0b0-0000-7000-8000-0000000000a1"


def event(flow_run_id: str, name: str = "Completed", number: int = 1, **label: str) -> dict[str, Any]:
    kind = name.upper()
    state = {"type": kind, "name": name, "message": "", "data": None, "state_details": {}}
    run = {
        "name": "t-0",
        "task_key": "t",
        "dynamic_key": "0",
        "run_count": 1,
        "flow_run_run_count": 1,
        "tags": ["x"],
    }
    return {
        "id": f"0190b0b0-0000-7000-8000-0000000000b{number}",
        "occurred": f"2026-11-22T10:00:0{number}.000000Z",
        "event": f"prefect.task-run.{name}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{TASK}",
            "prefect.orchestration": "client",
            **label,
        },
        "related": [
            {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}", "prefect.resource.role": "flow-run"}
        ],
        "payload": {"intended": {"from": None, "to": kind}, "validated_state": state, "task_run": run},
        "follows": None,
    }


def test_task_runs_are_recorded_in_any_order_and_once(client: Client) -> None:
    run = running_flow_run(client)

    async def talk() -> None:
        async with Socket(client) as socket:
            assert json.loads((await socket.greet())["text"]) == {"type": "auth_success"}
            for frame in (
                event(run["id"], "Completed", 2),
                event(run["id"], "Running", 1),
                event(run["id"], "Completed", 2),
            ):
                socket.say(frame)

    client.wait(talk())
    client.wait(talk())
    shown = client.get(f"/api/task_runs/{TASK}").json()
    assert (shown["name"], shown["state_name"], shown["run_count"], shown["tags"]) == (
        "t-0",
        "Completed",
        1,
        ["x"],
    )
    states = client.get("/api/task_run_states/", params={"task_run_id": TASK}).json()
    assert [state["type"] for state in states] == ["RUNNING", "COMPLETED"]


def test_one_bad_event_does_not_spoil_the_others(client: Client) -> None:
    run = running_flow_run(client)
    bad = event(run["id"], "Running", 1)
    bad["payload"] = {"validated_state": {"type": "DANCING"}}

    async def talk() -> None:
        async with Socket(client) as socket:
            await socket.greet()
            for frame in (
                "{",
                "[]",
                '{"id": "\\u0000"}',
                {"event": "x"},
                bad,
                event(run["id"], "Completed", 2),
            ):
                socket.say(frame)

    client.wait(talk())
    assert client.get(f"/api/task_runs/{TASK}").json()["state_name"] == "Completed"


def test_events_that_the_server_made_are_not_recorded(client: Client) -> None:
    run = running_flow_run(client)

    async def talk() -> None:
        async with Socket(client) as socket:
            await socket.greet()
            socket.say(event(run["id"], **{"prefect.orchestration": "server"}))

    client.wait(talk())
    assert client.get(f"/api/task_runs/{TASK}").status_code == 404


@pytest.mark.parametrize("first", ['{"type": "hello"}', "{", "5"])
@ASKS_NO_DATABASE
def test_whoever_does_not_greet_is_sent_away(client: Client, first: str) -> None:
    async def talk() -> dict[str, Any]:
        async with Socket(client) as socket:
            await socket.heard()
            socket.say(first)
            return await socket.heard()

    assert client.wait(talk()) == {"type": "websocket.close", "code": 1008, "reason": ""}


@ASKS_NO_DATABASE
def test_with_a_key_the_greeting_must_hold_it(store: Any, settings: Settings) -> None:
    client = Client(build_app(settings.with_updates({"ORION_ADMIN_KEY": "secret"}), store, services=False))

    async def talk(token: str | None) -> str:
        async with Socket(client) as socket:
            return str((await socket.greet(token))["type"])

    heard = [client.wait(talk(token)) for token in (None, "wrong", "secret", "admin:secret")]
    client.close()
    assert heard == ["websocket.close", "websocket.close", "websocket.send", "websocket.send"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/events/out", {}, 404),
        ("/api/logs/out", {}, 404),
        ("/api/work_pools/x/workers/connect", {}, 404),
        ("/", {}, 404),
        ("/api/events/in", {"origin": "https://evil.example"}, 403),
        ("/api/events/in", {"host": "evil.example"}, 421),
    ],
)
@ASKS_NO_DATABASE
def test_other_sockets_and_strangers_are_refused(
    client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    async def knock() -> dict[str, Any]:
        async with Socket(client, path, **headers) as socket:
            return await socket.heard()

    assert client.wait(knock())["status"] == status


def test_a_client_without_the_subprotocol_speaks_at_once(client: Client) -> None:
    run = running_flow_run(client)

    async def talk() -> None:
        socket = Socket(client)
        socket.scope["subprotocols"] = []
        async with socket:
            assert (await socket.heard())["subprotocol"] is None
            socket.say(event(run["id"]))

    client.wait(talk())
    assert client.get(f"/api/task_runs/{TASK}").json()["state_name"] == "Completed"
