"""The rules, in the order in which they are asked: the table of what may follow what.

A rule is a pure function of a `Move`; it returns a verdict, or None when it has nothing to say.
"""

from orion.orchestration.rules import flow, shared, task

FLOW_RULES = (
    flow.holder_only,
    flow.leaving_final,
    shared.entered_once,
    flow.cancelling_stays,
    flow.nothing_to_kill,
    flow.late_was_scheduled,
    flow.pausing,
    flow.resuming,
    flow.room_in_deployment,
    shared.too_early,
    flow.retrying,
    shared.keep_scheduled_time,
)

FORCED_FLOW_RULES = (flow.nothing_to_kill,)

TASK_RULES = (
    task.holder_only,
    task.leaving_final,
    shared.entered_once,
    task.cached,
    task.flow_must_run,
    task.free_slot,
    shared.too_early,
    task.retrying,
    shared.keep_scheduled_time,
    task.renaming,
)
