"""The console's pages: each handler reads what its page shows and gives it as one value; templates draw it."""

from orion.web.pages import (
    admin,
    artifacts,
    backfill,
    deployment,
    deployment_edit,
    deployments,
    flows,
    limits,
    notifications,
    queue_form,
    queues,
    run,
    run_actions,
    runs,
    task_run,
)

__all__ = [
    "admin",
    "artifacts",
    "backfill",
    "deployment",
    "deployment_edit",
    "deployments",
    "flows",
    "limits",
    "notifications",
    "queue_form",
    "queues",
    "run",
    "run_actions",
    "runs",
    "task_run",
]
