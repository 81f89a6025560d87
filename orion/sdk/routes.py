"""The API's routes as methods. Each is written once; the sync client returns the answer, the async client awaits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from orion.model import deployments as d
from orion.model import limits, logs, saved_searches, states
from orion.model import task_runs as t
from orion.model import work_queues as q
from orion.model.flow_runs import FlowRunCreate, FlowRunUpdate, Heartbeat
from orion.model.flows import Flow, FlowCreate
from orion.model.wire import encode
from orion.sdk.answers import Answer, FlowRun, TaskRun
from orion.sdk.exchange import Request

Filters = Mapping[str, Any]


class Routes:
    """One method a route. Filters are the API's, given as dicts: `flow_runs={"name": {"like_": "x"}}`."""

    def send(self, request: Request) -> Any:
        raise TypeError("use SyncClient or AsyncClient")

    def _get(self, path: str, answer: Any = Any) -> Any:
        return self.send(Request("GET", path, None, answer))

    def _post(
        self, path: str, body: Any, answer: Any = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> Any:
        return self.send(Request("POST", path, encode(body), answer, headers))

    def _patch(self, path: str, body: Any) -> Any:
        return self.send(Request("PATCH", path, encode(body)))

    def _delete(self, path: str) -> Any:
        return self.send(Request("DELETE", path))

    # admin
    def health(self) -> Any:
        return self._get("/health")

    def hello(self) -> Any:
        return self._get("/hello")

    def version(self) -> Any:
        return self._get("/admin/version")

    def server_settings(self) -> Any:
        return self._get("/admin/settings")

    # flows
    def create_flow(self, name: str, tags: Sequence[str] = ()) -> Any:
        return self._post("/flows/", FlowCreate(name=name, tags=list(tags)), Flow)

    def read_flow(self, flow_id: str) -> Any:
        return self._get(f"/flows/{flow_id}", Flow)

    def read_flow_by_name(self, name: str) -> Any:
        return self._get(f"/flows/name/{quote(name, safe='')}", Flow)

    def read_flows(self, **filters: Any) -> Any:
        return self._post("/flows/filter", filters, list[Flow])

    def count_flows(self, **filters: Any) -> Any:
        return self._post("/flows/count", filters, int)

    def update_flow(self, flow_id: str, tags: Sequence[str]) -> Any:
        return self._patch(f"/flows/{flow_id}", {"tags": list(tags)})

    def delete_flow(self, flow_id: str) -> Any:
        return self._delete(f"/flows/{flow_id}")

    # flow runs
    def create_flow_run(self, run: FlowRunCreate) -> Any:
        return self._post("/flow_runs/", run, FlowRun)

    def create_claimed_flow_run(self, run: FlowRunCreate) -> Any:
        """For who runs it at once: the run, and the token of its attempt (None from a server without tokens)."""
        headers = (("Orion-Attempt", "new"),)
        return self.send(Request("POST", "/flow_runs/", encode(run), FlowRun, headers, claims=True))

    def read_flow_run(self, flow_run_id: str) -> Any:
        return self._get(f"/flow_runs/{flow_run_id}", FlowRun)

    def read_flow_runs(self, **filters: Any) -> Any:
        return self._post("/flow_runs/filter", filters, list[FlowRun])

    def count_flow_runs(self, **filters: Any) -> Any:
        return self._post("/flow_runs/count", filters, int)

    def flow_run_history(self, **body: Any) -> Any:
        return self._post("/flow_runs/history", body, list[states.HistoryBucket])

    def flow_run_lateness(self, **filters: Any) -> Any:
        return self._post("/flow_runs/lateness", filters, Any)

    def flow_run_graph(self, flow_run_id: str) -> Any:
        return self._get(f"/flow_runs/{flow_run_id}/graph")

    def update_flow_run(self, flow_run_id: str, changes: FlowRunUpdate) -> Any:
        return self._patch(f"/flow_runs/{flow_run_id}", changes)

    def delete_flow_run(self, flow_run_id: str) -> Any:
        return self._delete(f"/flow_runs/{flow_run_id}")

    def set_flow_run_state(
        self, flow_run_id: str, state: states.StateCreate, force: bool = False, token: str | None = None
    ) -> Any:
        headers = (("Orion-Attempt", token),) if token else ()
        return self._post(
            f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": force}, Answer, headers
        )

    def heartbeat(self, flow_run_id: str, token: str) -> Any:
        return self._post(f"/flow_runs/{flow_run_id}/heartbeat", {}, Heartbeat, (("Orion-Attempt", token),))

    def read_flow_run_states(self, flow_run_id: str) -> Any:
        return self._get(f"/flow_run_states/?flow_run_id={flow_run_id}", list[states.State])

    # task runs
    def create_task_run(self, run: t.TaskRunCreate) -> Any:
        return self._post("/task_runs/", run, TaskRun)

    def read_task_run(self, task_run_id: str) -> Any:
        return self._get(f"/task_runs/{task_run_id}", TaskRun)

    def read_task_runs(self, **filters: Any) -> Any:
        return self._post("/task_runs/filter", filters, list[TaskRun])

    def count_task_runs(self, **filters: Any) -> Any:
        return self._post("/task_runs/count", filters, int)

    def task_run_history(self, **body: Any) -> Any:
        return self._post("/task_runs/history", body, list[states.HistoryBucket])

    def delete_task_run(self, task_run_id: str) -> Any:
        return self._delete(f"/task_runs/{task_run_id}")

    def set_task_run_state(self, task_run_id: str, state: states.StateCreate, force: bool = False) -> Any:
        return self._post(f"/task_runs/{task_run_id}/set_state", {"state": state, "force": force}, Answer)

    def batch_task_runs(self, items: Sequence[t.TaskRunBatchItem]) -> Any:
        return self._post("/task_runs/batch", items, list[Answer])

    def read_task_run_states(self, task_run_id: str) -> Any:
        return self._get(f"/task_run_states/?task_run_id={task_run_id}", list[states.State])

    # logs
    def create_logs(self, lines: Sequence[logs.LogCreate]) -> Any:
        return self._post("/logs/", lines)

    def read_logs(self, **filters: Any) -> Any:
        return self._post("/logs/filter", filters, list[logs.Log])

    # deployments
    def create_deployment(self, deployment: d.DeploymentCreate) -> Any:
        return self._post("/deployments/", deployment, d.Deployment)

    def read_deployment(self, deployment_id: str) -> Any:
        return self._get(f"/deployments/{deployment_id}", d.Deployment)

    def read_deployment_by_name(self, name: str) -> Any:
        """`name` is `flow/deployment`."""
        flow, _, deployment = name.partition("/")
        return self._get(
            f"/deployments/name/{quote(flow, safe='')}/{quote(deployment, safe='')}", d.Deployment
        )

    def read_deployments(self, **filters: Any) -> Any:
        return self._post("/deployments/filter", filters, list[d.Deployment])

    def count_deployments(self, **filters: Any) -> Any:
        return self._post("/deployments/count", filters, int)

    def update_deployment(self, deployment_id: str, changes: Any) -> Any:
        return self._patch(f"/deployments/{deployment_id}", changes)

    def delete_deployment(self, deployment_id: str) -> Any:
        return self._delete(f"/deployments/{deployment_id}")

    def pause_deployment(self, deployment_id: str) -> Any:
        return self._post(f"/deployments/{deployment_id}/pause_deployment", {})

    def resume_deployment(self, deployment_id: str) -> Any:
        return self._post(f"/deployments/{deployment_id}/resume_deployment", {})

    def create_flow_run_from_deployment(self, deployment_id: str, run: Any = None) -> Any:
        return self._post(f"/deployments/{deployment_id}/create_flow_run", run or {}, FlowRun)

    # work queues
    def create_work_queue(self, queue: q.WorkQueueCreate) -> Any:
        return self._post("/work_queues/", queue, q.WorkQueue)

    def read_work_queue(self, queue_id: str) -> Any:
        return self._get(f"/work_queues/{queue_id}", q.WorkQueue)

    def read_work_queue_by_name(self, name: str) -> Any:
        return self._get(f"/work_queues/name/{quote(name, safe='')}", q.WorkQueue)

    def read_work_queues(self, **filters: Any) -> Any:
        return self._post("/work_queues/filter", filters, list[q.WorkQueue])

    def update_work_queue(self, queue_id: str, changes: Any) -> Any:
        return self._patch(f"/work_queues/{queue_id}", changes)

    def delete_work_queue(self, queue_id: str) -> Any:
        return self._delete(f"/work_queues/{queue_id}")

    def get_runs_in_work_queue(self, queue_id: str, **body: Any) -> Any:
        return self._post(f"/work_queues/{queue_id}/get_runs", body, list[FlowRun])

    # concurrency limits
    def create_concurrency_limit(self, tag: str, concurrency_limit: int) -> Any:
        body = limits.ConcurrencyLimitCreate(tag=tag, concurrency_limit=concurrency_limit)
        return self._post("/concurrency_limits/", body, limits.ConcurrencyLimit)

    def read_concurrency_limit(self, limit_id: str) -> Any:
        return self._get(f"/concurrency_limits/{limit_id}", limits.ConcurrencyLimit)

    def read_concurrency_limit_by_tag(self, tag: str) -> Any:
        return self._get(f"/concurrency_limits/tag/{quote(tag, safe='')}", limits.ConcurrencyLimit)

    def read_concurrency_limits(self, limit: int = 200, offset: int = 0) -> Any:
        body = {"limit": limit, "offset": offset}
        return self._post("/concurrency_limits/filter", body, list[limits.ConcurrencyLimit])

    def delete_concurrency_limit_by_tag(self, tag: str) -> Any:
        return self._delete(f"/concurrency_limits/tag/{quote(tag, safe='')}")

    # saved searches
    def create_saved_search(self, search: saved_searches.SavedSearchCreate) -> Any:
        return self.send(Request("PUT", "/saved_searches/", encode(search), saved_searches.SavedSearch))

    def read_saved_search(self, search_id: str) -> Any:
        return self._get(f"/saved_searches/{search_id}", saved_searches.SavedSearch)

    def read_saved_searches(self, limit: int = 200, offset: int = 0) -> Any:
        body = {"limit": limit, "offset": offset}
        return self._post("/saved_searches/filter", body, list[saved_searches.SavedSearch])

    def delete_saved_search(self, search_id: str) -> Any:
        return self._delete(f"/saved_searches/{search_id}")
