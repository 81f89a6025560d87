"""The OpenAPI document: valid, whole, and as wide as the servers that clients of this kind know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orion.web import openapi
from orion.web.routes import API, routes
from tests.web.browser import Client

DATA = Path(__file__).parent.parent / "data"
LATER = (
    "/automations",
    "/events",
    "/work_pools",
    "/collections",
    "/templates",
    "/block_types/install_system_block_types",
    "/flow_run_notification_policies",
    "/ui/schemas",
    "/ui/task_runs/dashboard",
    "/input",
    "graph-v2",
)
PATHS = json.loads((DATA / "openapi-2.20.json").read_text())["paths"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document(routes(False), "1.0")


def core_operations() -> list[tuple[str, str]]:
    return [
        (path, method)
        for path, operations in PATHS.items()
        for method in operations
        if not any(part in path for part in LATER)
    ]


@pytest.mark.row("API-05")
def test_the_document_is_served_and_covers_every_route(client: Client) -> None:
    served = client.get("/api/openapi.json").json()
    assert served["openapi"].startswith("3.1")
    found = {(method.upper(), path) for path, operations in served["paths"].items() for method in operations}
    assert found == {(route.method, f"/api{route.api}") for route in API}


def test_every_operation_is_described_and_its_id_is_its_own(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["summary"] and operation["tags"] for operation in operations)
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = document["components"]["schemas"]
    wanted = set(references(document))
    assert wanted and all(reference.rpartition("/")[2] in known for reference in wanted)


def references(node: Any) -> list[str]:
    match node:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [found for value in node.values() for found in references(value)]
        case list():
            return [found for value in node for found in references(value)]
        case _:
            return []


def test_orions_own_routes_stand_under_their_own_heading(document: dict[str, Any]) -> None:
    own = {f"{operation['method']} {operation['path']}" for operation in openapi.by_tag(document)["orion"]}
    assert own >= {
        "POST /api/task_runs/batch",
        "POST /api/flow_runs/{id}/heartbeat",
        "POST /api/admin/clock/run",
        "GET /api/admin/health",
    }


@pytest.mark.parametrize(("path", "method"), core_operations())
def test_every_core_route_of_the_reference_server_is_there(
    document: dict[str, Any], path: str, method: str
) -> None:
    assert method in document["paths"].get(f"/api{path}", {}), f"{method.upper()} {path}"


MODELS = {
    "Flow": "Flow", "FlowRunResponse": "FlowRun", "TaskRun": "TaskRun", "State": "State",
    "StateDetails": "StateDetails",
    "DeploymentResponse": "Deployment", "WorkQueueResponse": "WorkQueue", "Log": "Log", "SavedSearch": "SavedSearch",
    "ConcurrencyLimit": "ConcurrencyLimit", "ConcurrencyLimitV2": "ConcurrencyLimitV2", "BlockType": "BlockType",
    "BlockSchema": "BlockSchema", "BlockDocument": "BlockDocument", "OrchestrationResult": "OrchestrationResult",
    "SimpleFlowRun": "SimpleFlowRun", "DependencyResult": "DependencyResult", "FlowRunPolicy": "FlowRunPolicy",
    "FlowCreate": "FlowCreate", "FlowRunCreate": "FlowRunCreate", "TaskRunCreate": "TaskRunCreate",
    "LogCreate": "LogCreate",
    "FlowRunUpdate": "FlowRunUpdate", "WorkQueueCreate": "WorkQueueCreate", "WorkQueueUpdate": "WorkQueueUpdate",
    "DeploymentCreate": "DeploymentCreate", "DeploymentUpdate": "DeploymentUpdate", "StateCreate": "StateCreate",
    "DeploymentFlowRunCreate": "DeploymentFlowRunCreate", "DeploymentSchedule": "DeploymentSchedule",
    "FlowFilter": "FlowFilter", "FlowRunFilter": "FlowRunFilter", "TaskRunFilter": "TaskRunFilter",
    "DeploymentFilter": "DeploymentFilter", "LogFilter": "LogFilter", "Artifact": "Artifact",
    "ArtifactCollection": "ArtifactCollection", "ArtifactCreate": "ArtifactCreate", "ArtifactUpdate": "ArtifactUpdate",
    "ArtifactFilter": "ArtifactFilter", "ArtifactCollectionFilter": "ArtifactCollectionFilter",
    "VariableFilter": "VariableFilter",
}  # fmt: skip


THEIRS = [
    pytest.param(name, schema["properties"].keys(), id=f"{generation} {name}")
    for generation in ("2.0", "2.20", "3.8")
    for name, schema in json.loads((DATA / f"openapi-{generation}.json").read_text())["components"][
        "schemas"
    ].items()
    if name in MODELS
]


@pytest.mark.parametrize(("name", "fields"), THEIRS)
def test_every_field_that_clients_know_is_there(
    document: dict[str, Any], name: str, fields: set[str]
) -> None:
    ours = document["components"]["schemas"][MODELS[name]]["properties"]
    assert not fields - ours.keys() - NOT_TAKEN.get(name, set())


NOT_TAKEN: dict[str, set[str]] = {
    "DeploymentCreate": {"global_concurrency_limit_id"},
    "DeploymentUpdate": {"global_concurrency_limit_id"},
    "FlowRunCreate": {"work_pool_name"},
}


@pytest.mark.row("API-05")
def test_the_reference_is_a_page_that_shows_every_route(client: Client) -> None:
    page = client.get("/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    for route in API:
        assert f"/api{route.api}" in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")
