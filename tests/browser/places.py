"""Every page of the console, on a server that was seeded."""

from __future__ import annotations

from orion.model.filters import Filters, FlowRunFilter, IdCriterion
from orion.store import Conn, deployments, task_runs
from tests.browser.conftest import Console


def everywhere(console: Console) -> list[str]:
    """The address of every page, once."""
    runs, deployment = console.seeded.runs, console.seeded.deployments["nightly-warehouse-load/prod"]
    tabs = ("", "/logs", "/tasks", "/parameters", "/radar", "/events")
    flow, queue, task = console.store.read_now(_ids, runs["cobalt-heron"], deployment)
    return [
        "/runs", "/flows", f"/flows/{flow}", "/deployments", f"/deployments/{deployment}",
        f"/deployments/{deployment}?view=json", f"/deployments/{deployment}/edit",
        f"/deployments/{deployment}/backfill", "/queues", "/queues/new", f"/queues/{queue}", f"/queues/{queue}/edit",
        "/blocks", "/blocks/catalog", "/blocks/catalog/secret", "/blocks/catalog/docker-container/create", "/variables",
        "/artifacts", "/limits", "/notifications", "/settings", "/health", "/search?q=velvet", "/docs", "/nothing",
        *(f"/runs/{runs['cobalt-heron']}{tab}" for tab in tabs), f"/runs/{runs['loyal-finch']}/subflows",
        f"/task-runs/{task}",
    ]  # fmt: skip


def _ids(conn: Conn, run: str, deployment: str) -> tuple[str, str, str]:
    own = deployments.get(conn, deployment)
    assert own is not None
    of_run = Filters(flow_runs=FlowRunFilter(id=IdCriterion(any_=[run])))
    (task,) = task_runs.filter(conn, of_run, "EXPECTED_START_TIME_ASC", 1, 0)
    return own.flow_id, str(own.work_queue_id), task.id
