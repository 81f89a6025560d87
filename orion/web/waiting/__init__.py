"""Why is it waiting? The chain of causes of a flow run or a task run, each with what mends it."""

from orion.web.waiting.flow_runs import reason_of, why_flow_run
from orion.web.waiting.look import Look
from orion.web.waiting.task_runs import why_task_run

__all__ = ["Look", "reason_of", "why_flow_run", "why_task_run"]
