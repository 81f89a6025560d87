"""The whole map: every address of orion, one line a route.

API paths stand below /api. `page` is the address of the same handler in the console, reached by GET, or by a posted
form where the API method changes something. The OpenAPI document and the tests of every route are made from this table.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from orion.model import artifacts as ar
from orion.model import blocks as b
from orion.model import deployments as d
from orion.model import filters as f
from orion.model import flow_runs as fr
from orion.model import flows as fl
from orion.model import limits as li
from orion.model import logs as lo
from orion.model import notifications as no
from orion.model import saved_searches as ss
from orion.model import states as st
from orion.model import task_runs as tr
from orion.model import variables as v
from orion.model import waiting as wa
from orion.model import work_pools as wp
from orion.model import work_queues as wq
from orion.web import bodies as bo
from orion.web.handlers import (
    admin,
    artifacts,
    block_documents,
    block_keys,
    block_schemas,
    block_types,
    concurrency_limits,
    deployment_schedules,
    deployments,
    flow_runs,
    flows,
    log_download,
    logs,
    metrics,
    notification_policies,
    saved_searches,
    states,
    system,
    task_runs,
    ui,
    variables,
    work_pools,
    work_queues,
)
from orion.web.handlers import concurrency_limits_v2 as named
from orion.web.moved import MOVED
from orion.web.route import Route, action, delete, get, moved, page, patch, post, put, tagged

Json = dict[str, Any]
Run = d.DeploymentFlowRunCreate
NewSchedule = d.DeploymentScheduleCreate
Schedules = list[d.DeploymentSchedule]
Documents = list[b.BlockDocument]
SECRETS = "include_secrets: boolean"
OF_TYPE = "/block_types/slug/{slug}/block_documents"

# fmt: off
FLOWS = tagged("flows",
    post("/flows/", flows.create, fl.FlowCreate, fl.Flow, 201, 200),
    post("/flows/filter", flows.filter, f.FlowQuery, list[fl.Flow]),
    post("/flows/count", flows.count, f.Filters, int),
    post("/flows/paginate", flows.paginate, bo.FlowPage, bo.Paginated),
    post("/flows/bulk_delete", flows.bulk_delete, bo.FlowsBulk, bo.Deleted),
    get("/flows/name/{name}", flows.read_by_name, fl.Flow),
    get("/flows/{id}", flows.read, fl.Flow),
    patch("/flows/{id}", flows.update, fl.FlowUpdate),
    delete("/flows/{id}", flows.delete, page="/flows/{id}/delete"),
    post("/ui/flows/count-deployments", ui.count_deployments, bo.FlowIds, dict[str, int]),
    post("/ui/flows/next-runs", ui.next_runs, bo.FlowIds, Json),
)
FLOW_RUNS = tagged("flow_runs",
    post("/flow_runs/", flow_runs.create, fr.FlowRunCreate, fr.FlowRun, 201, 200),
    post("/flow_runs/filter", flow_runs.filter, f.FlowRunQuery, list[fr.FlowRun]),
    post("/flow_runs/count", flow_runs.count, f.Filters, int),
    post("/flow_runs/history", flow_runs.history, f.HistoryQuery, list[st.HistoryBucket]),
    post("/flow_runs/lateness", flow_runs.lateness, f.Filters, float | None),
    post("/flow_runs/paginate", flow_runs.paginate, bo.FlowRunPage, bo.Paginated),
    post("/flow_runs/bulk_delete", flow_runs.bulk_delete, bo.FlowRunsBulk, bo.Deleted),
    post("/flow_runs/bulk_set_state", flow_runs.bulk_set_state, bo.SetStateBulk, bo.BulkResults),
    get("/flow_runs/{id}", flow_runs.read, fr.FlowRun),
    patch("/flow_runs/{id}", flow_runs.update, fr.FlowRunUpdate),
    delete("/flow_runs/{id}", flow_runs.delete, page="/runs/{id}/delete"),
    get("/flow_runs/{id}/graph", flow_runs.graph, list[tr.DependencyResult]),
    post("/flow_runs/{id}/set_state", flow_runs.set_state, st.SetState, st.OrchestrationResult, 200, 201),
    post("/flow_runs/{id}/resume", flow_runs.resume, bo.Resume, st.OrchestrationResult, 200, 201),
    patch("/flow_runs/{id}/labels", flow_runs.set_labels, Json),
    post("/ui/flow_runs/history", flow_runs.dots, bo.DotsQuery, list[fr.SimpleFlowRun]),
    post("/ui/flow_runs/count-task-runs", ui.count_task_runs, bo.FlowRunIds, dict[str, int]),
)
TASK_RUNS = tagged("task_runs",
    post("/task_runs/", task_runs.create, tr.TaskRunCreate, tr.TaskRun, 201, 200),
    post("/task_runs/filter", task_runs.filter, f.TaskRunQuery, list[tr.TaskRun]),
    post("/task_runs/count", task_runs.count, f.Filters, int),
    post("/task_runs/history", task_runs.history, f.HistoryQuery, list[st.HistoryBucket]),
    post("/task_runs/paginate", task_runs.paginate, bo.TaskRunPage, bo.Paginated),
    get("/task_runs/{id}", task_runs.read, tr.TaskRun),
    patch("/task_runs/{id}", task_runs.update, tr.TaskRunUpdate),
    delete("/task_runs/{id}", task_runs.delete),
    post("/task_runs/{id}/set_state", task_runs.set_state, st.SetTaskState, st.OrchestrationResult, 200, 201),
    post("/ui/task_runs/count", task_runs.count_by_state, f.Filters, dict[str, int]),
)
STATES = tagged("states",
    get("/flow_run_states/", states.of_flow_run, list[st.State], "flow_run_id*: uuid"),
    get("/flow_run_states/{id}", states.read_of_flow_run, st.State),
    get("/task_run_states/", states.of_task_run, list[st.State], "task_run_id*: uuid"),
    get("/task_run_states/{id}", states.read_of_task_run, st.State),
)
LOGS = tagged("logs",
    post("/logs/", logs.create, list[lo.LogCreate], None, 201, logs=True),
    post("/logs/filter", logs.filter, f.LogQuery, list[lo.Log]),
    get("/flow_runs/{id}/logs/download", log_download.download, bytes, "format: string"),
)
DEPLOYMENTS = tagged("deployments",
    post("/deployments/", deployments.create, d.DeploymentCreate, d.Deployment, 201, 200),
    post("/deployments/filter", deployments.filter, f.DeploymentQuery, list[d.Deployment]),
    post("/deployments/count", deployments.count, f.Filters, int),
    post("/deployments/paginate", deployments.paginate, bo.DeploymentPage, bo.Paginated),
    post("/deployments/bulk_delete", deployments.bulk_delete, bo.DeploymentsBulk, bo.Deleted),
    post("/deployments/get_scheduled_flow_runs", deployments.due_runs, d.DueRuns, list[fr.FlowRun]),
    get("/deployments/name/{flow_name}/{deployment_name}", deployments.read_by_name, d.Deployment),
    get("/deployments/{id}", deployments.read, d.Deployment),
    patch("/deployments/{id}", deployments.update, d.DeploymentUpdate),
    delete("/deployments/{id}", deployments.delete, page="/deployments/{id}/delete"),
    post("/deployments/{id}/create_flow_run", deployments.create_run, Run, fr.FlowRun, 201, 200),
    post("/deployments/{id}/create_flow_run/bulk", deployments.create_runs, list[Run], bo.BulkResults),
    post("/deployments/{id}/pause_deployment", deployments.pause, None, None),
    post("/deployments/{id}/resume_deployment", deployments.resume, None, None),
    post("/deployments/{id}/set_schedule_inactive", deployments.pause, None, None),
    post("/deployments/{id}/set_schedule_active", deployments.resume, None, None),
    post("/deployments/{id}/schedule", deployments.schedule, d.PlanRuns, None),
    post("/deployments/{id}/schedule/preview", deployments.schedule_preview, d.PlanRuns, list[d.DueTime]),
    get("/deployments/{id}/schedules", deployment_schedules.filter, Schedules),
    post("/deployments/{id}/schedules", deployment_schedules.create, list[NewSchedule], Schedules, 201),
    patch("/deployments/{id}/schedules/{schedule_id}", deployment_schedules.update, d.DeploymentScheduleUpdate),
    delete("/deployments/{id}/schedules/{schedule_id}", deployment_schedules.delete),
    get("/deployments/{id}/work_queue_check", deployments.work_queue_check, list[wq.WorkQueue]),
)
WORK_QUEUES = tagged("work_queues",
    post("/work_queues/", work_queues.create, wq.WorkQueueCreate, wq.WorkQueue, 201),
    post("/work_queues/filter", work_queues.filter, f.WorkQueueQuery, list[wq.WorkQueue]),
    get("/work_queues/name/{name}", work_queues.read_by_name, wq.WorkQueue),
    get("/work_queues/{id}", work_queues.read, wq.WorkQueue),
    patch("/work_queues/{id}", work_queues.update, wq.WorkQueueUpdate),
    delete("/work_queues/{id}", work_queues.delete, page="/queues/{id}/delete"),
    post("/work_queues/{id}/get_runs", work_queues.get_runs, wq.GetRuns, list[fr.FlowRun]),
    get("/work_queues/{id}/status", work_queues.status, wq.WorkQueueStatus),
)
POOL_QUEUES = "/work_pools/{work_pool_name}/queues"
WORK_POOLS = tagged("work_pools",
    post("/work_pools/filter", work_pools.filter, wp.WorkPoolQuery, list[wp.WorkPool]),
    get("/work_pools/{name}", work_pools.read, wp.WorkPool),
    post("/work_pools/{name}/get_scheduled_flow_runs", work_pools.due_runs, wp.PoolRuns, list[wp.PoolRun]),
    post(POOL_QUEUES, work_pools.create_queue, wq.WorkQueueCreate, wq.WorkQueue, 201),
    post(f"{POOL_QUEUES}/filter", work_pools.filter_queues, f.WorkQueueQuery, list[wq.WorkQueue]),
    get(f"{POOL_QUEUES}/{{name}}", work_pools.read_queue, wq.WorkQueue),
    patch(f"{POOL_QUEUES}/{{name}}", work_pools.update_queue, wq.WorkQueueUpdate),
    delete(f"{POOL_QUEUES}/{{name}}", work_pools.delete_queue),
)
LIMITS = tagged("concurrency_limits",
    post("/concurrency_limits/", concurrency_limits.create, li.ConcurrencyLimitCreate, li.ConcurrencyLimit, 201, 200),
    post("/concurrency_limits/filter", concurrency_limits.filter, f.PageQuery, list[li.ConcurrencyLimit]),
    get("/concurrency_limits/tag/{tag}", concurrency_limits.read_by_tag, li.ConcurrencyLimit),
    delete("/concurrency_limits/tag/{tag}", concurrency_limits.delete_by_tag, 200),
    post("/concurrency_limits/tag/{tag}/reset", concurrency_limits.reset, li.ConcurrencyLimitReset, None),
    get("/concurrency_limits/{id}", concurrency_limits.read, li.ConcurrencyLimit),
    delete("/concurrency_limits/{id}", concurrency_limits.delete, 200),
    post("/v2/concurrency_limits/", named.create, li.ConcurrencyLimitV2Create, li.ConcurrencyLimitV2, 201),
    post("/v2/concurrency_limits/filter", named.filter, f.PageQuery, list[li.ConcurrencyLimitV2]),
    post("/v2/concurrency_limits/increment", named.increment, li.Increment, list[li.MinimalLimit]),
    post("/v2/concurrency_limits/decrement", named.decrement, li.Decrement, list[li.MinimalLimit]),
    post("/v2/concurrency_limits/increment-with-lease", named.increment_with_lease, li.IncrementWithLease, li.Lease),
    post("/v2/concurrency_limits/decrement-with-lease", named.decrement_with_lease, li.ReleaseLease, None, 204),
    post("/v2/concurrency_limits/leases/{lease_id}/renew", named.renew, li.RenewLease, None, 204),
    get("/v2/concurrency_limits/{id_or_name}", named.read, li.ConcurrencyLimitV2),
    patch("/v2/concurrency_limits/{id_or_name}", named.update, li.ConcurrencyLimitV2Update),
    delete("/v2/concurrency_limits/{id_or_name}", named.delete),
)
SAVED_SEARCHES = tagged("saved_searches",
    put("/saved_searches/", saved_searches.upsert, ss.SavedSearchCreate, ss.SavedSearch, 201, 200),
    post("/saved_searches/filter", saved_searches.filter, f.PageQuery, list[ss.SavedSearch]),
    get("/saved_searches/{id}", saved_searches.read, ss.SavedSearch),
    delete("/saved_searches/{id}", saved_searches.delete),
)
POLICIES = "/flow_run_notification_policies"
NOTIFICATIONS = tagged("flow_run_notification_policies",
    post(f"{POLICIES}/", notification_policies.create, no.FlowRunNotificationPolicyCreate,
         no.FlowRunNotificationPolicy, 201),
    post(f"{POLICIES}/filter", notification_policies.filter, no.FlowRunNotificationPolicyQuery,
         list[no.FlowRunNotificationPolicy]),
    get(f"{POLICIES}/{{id}}", notification_policies.read, no.FlowRunNotificationPolicy),
    patch(f"{POLICIES}/{{id}}", notification_policies.update, no.FlowRunNotificationPolicyUpdate),
    delete(f"{POLICIES}/{{id}}", notification_policies.delete, page="/notifications/{id}/delete"),
)
BLOCKS = tagged("blocks",
    post("/block_types/", block_types.create, b.BlockTypeCreate, b.BlockType, 201),
    post("/block_types/filter", block_types.filter, bo.BlockTypeQuery, list[b.BlockType]),
    post("/block_types/install_system_block_types", block_types.install_system_block_types, None, None, 200),
    get("/block_types/slug/{slug}", block_types.read_by_slug, b.BlockType),
    get(OF_TYPE, block_documents.of_type, Documents, SECRETS),
    get(f"{OF_TYPE}/name/{{block_document_name}}", block_documents.read_by_name, b.BlockDocument, SECRETS),
    get("/block_types/{id}", block_types.read, b.BlockType),
    patch("/block_types/{id}", block_types.update, b.BlockTypeUpdate),
    delete("/block_types/{id}", block_types.delete),
    post("/block_schemas/", block_schemas.create, b.BlockSchemaCreate, b.BlockSchema, 201, 200),
    post("/block_schemas/filter", block_schemas.filter, bo.BlockSchemaQuery, list[b.BlockSchema]),
    get("/block_schemas/checksum/{checksum}", block_schemas.read_by_checksum, b.BlockSchema, "version: string"),
    get("/block_schemas/{id}", block_schemas.read, b.BlockSchema),
    delete("/block_schemas/{id}", block_schemas.delete),
    get("/block_capabilities/", block_schemas.capabilities, list[str]),
    post("/block_documents/", block_documents.create, b.BlockDocumentCreate, b.BlockDocument, 201),
    post("/block_documents/filter", block_documents.filter, bo.BlockDocumentQuery, Documents),
    post("/block_documents/count", block_documents.count, bo.BlockDocumentCount, int),
    get("/block_documents/{id}", block_documents.read, b.BlockDocument, SECRETS),
    patch("/block_documents/{id}", block_documents.update, b.BlockDocumentUpdate),
    delete("/block_documents/{id}", block_documents.delete, page="/blocks/{id}/delete"),
)
ARTIFACTS = tagged("artifacts",
    post("/artifacts/", artifacts.create, ar.ArtifactCreate, ar.Artifact, 201),
    post("/artifacts/filter", artifacts.filter, bo.ArtifactQuery, list[ar.Artifact]),
    post("/artifacts/count", artifacts.count, bo.ArtifactCount, int),
    post("/artifacts/latest/filter", artifacts.filter_latest, bo.ArtifactCollectionQuery,
         list[ar.ArtifactCollection]),
    post("/artifacts/latest/count", artifacts.count_latest, bo.ArtifactCollectionCount, int),
    get("/artifacts/{key}/latest", artifacts.read_latest, ar.Artifact),
    get("/artifacts/{id}", artifacts.read, ar.Artifact),
    patch("/artifacts/{id}", artifacts.update, ar.ArtifactUpdate),
    delete("/artifacts/{id}", artifacts.delete, page="/artifacts/{id}/delete"),
)
VARIABLES = tagged("variables",
    post("/variables/", variables.create, v.VariableCreate, v.Variable, 201),
    post("/variables/filter", variables.filter, bo.VariableQuery, list[v.Variable]),
    post("/variables/count", variables.count, bo.VariableCount, int),
    get("/variables/name/{name}", variables.read_by_name, v.Variable),
    patch("/variables/name/{name}", variables.update_by_name, v.VariableUpdate),
    delete("/variables/name/{name}", variables.delete_by_name),
    get("/variables/{id}", variables.read, v.Variable),
    patch("/variables/{id}", variables.update, v.VariableUpdate),
    delete("/variables/{id}", variables.delete, page="/variables/{id}/delete"),
)
ADMIN = tagged("admin",
    get("/health", system.health, bool),
    get("/ready", system.ready, dict[str, str]),
    get("/hello", system.hello, str),
    get("/version", system.api_version, str),
    get("/csrf-token", system.csrf_token, Json, "client*: string"),
    get("/admin/version", system.version, str),
    get("/admin/settings", admin.settings, Json),
    get("/admin/storage", admin.storage, Json),
    post("/admin/database/clear", admin.clear_database, bo.Confirmation, None, 204),
    post("/admin/database/drop", admin.drop_database, bo.Confirmation, None, 204),
    post("/admin/database/create", admin.create_database, bo.Confirmation, None, 204),
)
AUTOMATIONS = tagged("automations",
    get("/automations/related-to/{resource}", system.no_automations, list[Json]),
    delete("/automations/owned-by/{resource}", system.delete_no_automations, 202),
)
ORION = tagged("orion",
    post("/task_runs/batch", task_runs.batch, list[tr.TaskRunBatchItem], list[st.OrchestrationResult]),
    post("/flow_runs/{id}/heartbeat", flow_runs.beat, bo.Beat, fr.Heartbeat),
    get("/flow_runs/{id}/why", flow_runs.why, wa.Waiting),
    get("/task_runs/{id}/why", task_runs.why, wa.Waiting),
    get("/admin/health", admin.health, Json),
    post(f"{POLICIES}/{{id}}/test", notification_policies.test, None, no.TestOutcome),
    post("/notification_deliveries/filter", notification_policies.deliveries, no.DeliveryQuery, list[no.Delivery]),
    post("/notification_deliveries/{id}/send", notification_policies.send_again, None, None, 204,
         page="/notifications/deliveries/{id}/send"),
    post("/admin/clock/run", admin.run_clock, None, dict[str, int | None], query=("duty: string",)),
    post("/admin/rotate_key", block_keys.rotate, None, Json),
    get("/openapi.json", system.openapi_document, Json),
)


METRICS = tagged("orion", page("/metrics", metrics.metrics))



def pages_of_the_console() -> tuple[Route, ...]:
    """The pages without a twin in the API. Where there is no console, its rooms are not even imported."""
    from orion.web import pages, static
    from orion.web.handlers import live

    return tagged("console",
        page("/", pages.admin.home),
        page("/runs", pages.runs.runs),
        action("/runs/bulk", pages.run_actions.bulk),
        action("/runs/views", pages.run_views.save),
        action("/runs/views/{id}/rename", pages.run_views.rename),
        action("/runs/views/{id}/default", pages.run_views.choose),
        action("/runs/views/{id}/delete", pages.run_views.delete),
        page("/runs/compare", pages.compare.show),
        page("/runs/{id}", pages.run.show),
        page("/runs/{id}/logs", pages.run.logs),
        page("/runs/{id}/tasks", pages.run.tasks),
        page("/runs/{id}/subflows", pages.run.subflows),
        page("/runs/{id}/parameters", pages.run.parameters),
        page("/runs/{id}/radar", pages.run.radar),
        page("/runs/{id}/events", pages.run.events),
        action("/runs/{id}/cancel", pages.run.cancel),
        action("/runs/{id}/undo", pages.run.undo),
        action("/runs/{id}/retry", pages.run.retry),
        action("/runs/{id}/start", pages.mending.start),
        action("/runs/{id}/state", pages.set_state.of_flow_run),
        action("/task-runs/{id}/state", pages.set_state.of_task_run),
        action("/runs/{id}/resume", pages.mending.resume),
        page("/task-runs/{id}", pages.task_run.show),
        action("/task-runs/{id}/delete", pages.task_run.delete),
        page("/variables", pages.variables.listing),
        action("/variables", pages.variables.create),
        page("/variables/{id}/edit", pages.variables.edit),
        action("/variables/{id}/edit", pages.variables.save),
        page("/blocks", pages.blocks.listing),
        page("/blocks/catalog", pages.blocks.catalog),
        page("/blocks/catalog/{slug}", pages.blocks.kind),
        page("/blocks/catalog/{slug}/create", pages.block_edit.new),
        action("/blocks/catalog/{slug}/create", pages.block_edit.create),
        page("/blocks/{id}", pages.block.show),
        page("/blocks/{id}/edit", pages.block_edit.edit),
        action("/blocks/{id}/edit", pages.block_edit.save),
        action("/blocks/{id}/test", pages.block.test),
        page("/blocks/{id}/delete", pages.block.ask_delete),
        page("/runs/{id}/artifacts", pages.run.artifacts),
        page("/artifacts", pages.artifacts.listing),
        page("/artifacts/key/{key}", pages.artifacts.show_key),
        page("/artifacts/{id}", pages.artifacts.show),
        page("/flows", pages.flows.listing),
        page("/flows/{id}", pages.flows.show),
        page("/deployments", pages.deployments.listing),
        page("/deployments/{id}", pages.deployment.show),
        action("/deployments/{id}/run", pages.deployment.run),
        page("/deployments/{id}/edit", pages.deployment_edit.show),
        action("/deployments/{id}/edit", pages.deployment_edit.save),
        action("/deployments/{id}/clone", pages.deployment_edit.clone),
        page("/deployments/{id}/backfill", pages.backfill.show),
        action("/deployments/{id}/backfill", pages.backfill.create),
        action("/deployments/{id}/schedules/{schedule_id}/switch", pages.deployment_edit.switch),
        action("/deployments/{id}/pause", pages.deployments.pause),
        action("/deployments/{id}/resume", pages.deployments.resume),
        action("/deployments/{id}/limit", pages.mending.deployment_limit),
        page("/queues", pages.queues.listing),
        action("/queues", pages.queue_form.create),
        page("/queues/new", pages.queue_form.new),
        page("/queues/match", pages.queue_form.match),
        page("/queues/{id}/edit", pages.queue_form.edit),
        action("/queues/{id}/edit", pages.queue_form.save),
        page("/queues/{id}", pages.queues.show),
        action("/queues/{id}/pause", pages.queues.pause),
        action("/queues/{id}/resume", pages.queues.resume),
        action("/queues/{id}/limit", pages.mending.queue_limit),
        page("/limits", pages.limits.listing),
        action("/limits", pages.limits.create),
        action("/limits/{id}/edit", pages.limits.edit),
        action("/limits/{id}/reset", pages.limits.reset),
        action("/limits/{id}/raise", pages.mending.raise_limit),
        action("/limits/{id}/delete", pages.limits.delete),
        page("/notifications", pages.notifications.listing),
        action("/notifications", pages.notifications.create),
        action("/notifications/test", pages.notifications.try_out),
        page("/notifications/{id}/edit", pages.notifications.edit),
        action("/notifications/{id}/edit", pages.notifications.update),
        action("/notifications/{id}/pause", pages.notifications.pause),
        action("/notifications/{id}/resume", pages.notifications.resume),
        action("/notifications/{id}/test", pages.notifications.test),
        page("/settings", pages.admin.settings),
        action("/settings/theme", pages.admin.theme),
        page("/health", pages.admin.health),
        page("/search", pages.admin.search),
        page("/docs", system.reference),
        page("/events", live.stream, raw=True),
        page("/static/{name}", static.static, raw=True),
        *(moved(old, new) for old, new in MOVED),
    )
# fmt: on

API: tuple[Route, ...] = (
    *FLOWS, *FLOW_RUNS, *TASK_RUNS, *STATES, *LOGS, *DEPLOYMENTS, *WORK_QUEUES, *WORK_POOLS, *LIMITS, *SAVED_SEARCHES,
    *BLOCKS, *NOTIFICATIONS, *ARTIFACTS, *VARIABLES, *ADMIN, *AUTOMATIONS, *ORION,
)  # fmt: skip


@cache
def routes(console: bool) -> tuple[Route, ...]:
    """The table of an app, with the pages of the console or without them."""
    if console:
        return (*API, *METRICS, *pages_of_the_console())
    return (*(replace(route, page=None) for route in API), *METRICS)
