"""The console's pages: each handler reads what its page shows and gives it as one value; templates draw it."""

from orion.web.pages import (
    admin,
    compare,
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
    set_state,
    task_run,
)

__all__ = [
    "admin",
    "compare",
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
    "set_state",
    "task_run",
]
