"""The console's pages: each handler reads what its page shows and gives it as one value; templates draw it."""

from orion.web.pages import (
    admin,
    deployment,
    deployments,
    flows,
    limits,
    mending,
    notifications,
    queue_form,
    queues,
    run,
    run_actions,
    run_views,
    runs,
    task_run,
)

__all__ = [
    "admin",
    "deployment",
    "deployments",
    "flows",
    "limits",
    "mending",
    "notifications",
    "queue_form",
    "queues",
    "run",
    "run_actions",
    "run_views",
    "runs",
    "task_run",
]
