"""References are resolved where the flow runs; the server keeps them as they were written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion import variables
from orion.blocks import JSON, Secret, String, redaction
from orion.blocks.api import run
from orion.blocks.references import has_reference, resolve
from orion.errors import Conflict, NotFound
from orion.model.deployments import DeploymentCreate
from orion.model.wire import raw, unraw
from orion.sdk.client import SyncClient
from tests.servers import OrionServer, eventually, run_orion, serving

FLOW = """
import json, os
from pathlib import Path
from orion import flow, get_run_logger

@flow
def show(token: str, limits: dict, count: int = 1):
    get_run_logger().info("the token is %s", token)
    seen = {"token": token, "limits": limits, "count": count, "env": os.environ["TOKEN"], "cwd": os.getcwd()}
    Path(os.environ["OUT"]).write_text(json.dumps(seen))
"""


def test_a_text_that_is_a_reference_becomes_the_value_and_inside_a_text_it_becomes_text(home: Path) -> None:
    Secret(value="deep-secret").save("token")
    JSON(value={"a": {"b": [1]}}).save("limits")
    variables.set("region", "eu")
    variables.set("sizes", [1, 2])
    given = {
        "token": "{{ orion.blocks.secret.token }}",
        "deep": ["{{ prefect.blocks.json.limits.value.a }}", 5, None],
        "text": "at {{orion.variables.region}}: {{ orion.variables.sizes }}, {{ $PLACE }}",
        "plain": "{{ something.else }}",
    }
    assert has_reference(given) and not has_reference({"a": ["{{ x }}", 1]})
    assert run(resolve(given, {"PLACE": "here"})) == {
        "token": "deep-secret",
        "deep": [{"b": [1]}, 5, None],
        "text": "at eu: [1,2], here",
        "plain": "{{ something.else }}",
    }
    assert redaction.redact("deep-secret") == "********"


def test_a_reference_to_a_document_becomes_the_block(home: Path) -> None:
    document_id = String(value="x").save("it")
    assert run(resolve({"$ref": {"block_document_id": document_id}})) == String(value="x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ orion.variables.none }}", "no such variable.*orion variable set none"),
        ("{{ orion.blocks.secret.none }}", "no block secret/none"),
        ("{{ $NONE }}", "no such environment variable.*ORION_AGENT_ENVIRONMENT"),
        ("{{ orion.blocks.string.it.size }}", "has no field 'size'"),
    ],
)
def test_what_is_not_there_is_named_with_what_to_do(home: Path, text: str, said: str) -> None:
    String(value="x").save("it")
    with pytest.raises(NotFound, match=said):
        run(resolve(text, {}))


def test_variables_are_set_read_and_unset_from_sync_and_async_code(home: Path) -> None:
    assert variables.get("size") is None and variables.get("size", 3) == 3
    variables.set("size", 5, tags=["a"])
    assert variables.set("size", {"n": 6}).tags == ["a"]
    assert variables.get("size") == {"n": 6}
    with pytest.raises(Conflict, match="has a value already"):
        variables.set("size", 7, overwrite=False)

    async def later() -> Any:
        await variables.set("other", "x")
        return await variables.get("other")

    assert asyncio.run(later()) == "x"
    assert (variables.unset("size"), variables.unset("size")) == (True, False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OrionServer]:
    with serving(tmp_path / "server", "--no-clock") as server:
        yield server


def test_a_deployment_gets_its_secrets_at_the_agent_and_the_server_keeps_the_references(
    server: OrionServer, tmp_path: Path
) -> None:
    from orion.sdk.connection import Connection

    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "flows.py").write_text(FLOW)
    with SyncClient(Connection(server.api)) as client:
        _run_a_deployment(client, server, folder, tmp_path)


def _run_a_deployment(client: SyncClient, server: OrionServer, folder: Path, tmp_path: Path) -> None:
    environment = {"ORION_API_URL": server.api}
    run_orion("block", "create", "secret", "token", "-v", "value=canary-5521", home=tmp_path, **environment)
    run_orion("variable", "set", "place", str(folder), home=tmp_path, **environment)
    run_orion("variable", "set", "limits", '{"n": 2}', home=tmp_path, **environment)
    deployment = client.create_deployment(
        DeploymentCreate(
            name="d",
            flow_id=client.create_flow("show").id,
            path=str(folder),
            entrypoint="flows.py:show",
            work_queue_name="q",
            parameters=raw(
                {"token": "{{ orion.blocks.secret.token }}", "limits": "{{ orion.variables.limits }}"}
            ),
            job_variables=raw(
                {
                    "env": {"TOKEN": "{{ orion.blocks.secret.token }}", "OUT": str(tmp_path / "out.json")},
                    "working_dir": "{{ orion.variables.place }}",
                }
            ),
        )
    )
    made = client.create_flow_run_from_deployment(deployment.id)
    done = run_orion("agent", "start", "q", "--run-once", home=tmp_path, **environment)
    eventually(lambda: _final(client, made.id))
    assert _final(client, made.id) == "COMPLETED", done.stderr + str(
        [line.message for line in client.read_logs()]
    )
    seen = json.loads((tmp_path / "out.json").read_text())
    assert seen == {
        "token": "canary-5521", "limits": {"n": 2}, "count": 1, "env": "canary-5521", "cwd": str(folder),
    }  # fmt: skip
    stored = client.read_flow_run(made.id)
    assert unraw(stored.parameters)["token"] == "{{ orion.blocks.secret.token }}"
    assert "canary-5521" not in repr((client.read_logs(), stored)) + done.stdout + done.stderr
    assert any(line.message == "the token is ********" for line in client.read_logs())


def _final(client: SyncClient, run_id: str) -> str | None:
    found = client.read_flow_run(run_id).state_type
    return found if found in ("COMPLETED", "FAILED", "CRASHED") else None
