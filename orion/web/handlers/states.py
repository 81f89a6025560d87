"""The state history of runs."""

from __future__ import annotations

from orion.errors import Invalid, NotFound
from orion.model.ids import is_id
from orion.store import states
from orion.web.call import Call, Reply


async def of_flow_run(call: Call) -> Reply:
    """List the states of a flow run, oldest first."""
    return Reply(await call.store.read(states.of_flow_run, _required_id(call, "flow_run_id")))


async def of_task_run(call: Call) -> Reply:
    """List the states of a task run, oldest first."""
    return Reply(await call.store.read(states.of_task_run, _required_id(call, "task_run_id")))


async def read_of_flow_run(call: Call) -> Reply:
    """Read a state of a flow run."""
    return _found(await call.store.glance(states.flow_run_state, call.path["id"]), "Flow run state not found")


async def read_of_task_run(call: Call) -> Reply:
    """Read a state of a task run."""
    return _found(await call.store.glance(states.task_run_state, call.path["id"]), "Task run state not found")


def _required_id(call: Call, name: str) -> str:
    value = call.query.get(name, "").lower()
    if not is_id(value):
        message = "value is not a valid uuid" if value else "field required"
        raise Invalid(detail=[{"loc": ["query", name], "msg": message, "type": "value_error"}])
    return value


def _found(state: object | None, message: str) -> Reply:
    if state is None:
        raise NotFound(message)
    return Reply(state)
