"""Making flow runs: the flow by its name, the run, and for a subflow the task run that stands for it in its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from orion.model import states as words
from orion.model.flow_runs import FlowRunCreate, FlowRunPolicy
from orion.model.ids import new_id
from orion.model.states import StateCreate
from orion.model.task_runs import TaskRunCreate
from orion.model.wire import raw
from orion.sdk.answers import FlowRun, TaskRun
from orion.sdk.context import TAGS, FlowRunContext
from orion.sdk.effects import Ask, Effect, Join, OffLoop, Steps
from orion.sdk.errors import UnfinishedRun
from orion.sdk.naming import fill, task_key
from orion.sdk.session import Session
from orion.sdk.upstream import Upstream, record

if TYPE_CHECKING:
    from orion.sdk.flow_call import FlowCall

RECORDED_BYTES = 100_000


def create_run(call: FlowCall) -> Steps[FlowRun]:
    """A new flow run, PENDING; in a retried parent, the run that an earlier attempt made.

    One without a parent is claimed by the same request, and beats from then on.
    """
    flow_id = yield from flow_id_of(call.session, call.flow.name)
    stand_in: TaskRun | None = None
    if call.parent is not None:
        stand_in = yield from _stand_in(call, call.parent)
        earlier = yield from _earlier_run(call, call.parent, stand_in)
        if earlier is not None:
            return earlier
    wanted = _create(call, flow_id, stand_in)
    if call.parent is not None:
        return (yield Ask(call.session, "create_flow_run", wanted))
    run, call.token = yield Ask(call.session, "create_claimed_flow_run", wanted)
    return run


def flow_id_of(session: Session, name: str) -> Steps[str]:
    """The id of a flow, made if it is new; asked for once."""
    if name not in session.flow_ids:
        flow = yield Ask(session, "create_flow", name)
        session.connected()
        session.flow_ids[name] = flow.id
    return session.flow_ids[name]


def _create(call: FlowCall, flow_id: str, stand_in: TaskRun | None) -> FlowRunCreate:
    flow = call.flow
    name = None if flow.flow_run_name is None else fill(flow.flow_run_name, call.parameters)
    run_id = new_id()
    return FlowRunCreate(
        id=run_id,
        name=name,
        flow_id=flow_id,
        flow_version=flow.version,
        parameters=recorded(call.parameters),
        parent_task_run_id=stand_in.id if stand_in else None,
        empirical_policy=FlowRunPolicy(retries=flow.retries, retry_delay=flow.retry_delay_seconds),
        tags=sorted(TAGS.get()),
        idempotency_key=run_id,
        state=StateCreate(type=words.PENDING),
    )


def _stand_in(call: FlowCall, parent: FlowRunContext) -> Steps[TaskRun]:
    """The task run of the parent that mirrors the subflow; futures among the parameters are waited for."""
    upstream = Upstream(call.parameters)
    if upstream.futures:
        yield Join([future.done for future in upstream.futures], parent.deadline)
    blocker = upstream.not_completed()
    if blocker is not None:
        raise UnfinishedRun(
            f"The subflow {call.flow.name!r} did not start: {blocker!r} did not reach the state COMPLETED."
        )
    key = task_key(call.flow.fn, call.flow.name)
    count = parent.next_call(key)
    inputs = record(call.parameters, None, parent)
    call.parameters = upstream.data()
    stand_in = TaskRunCreate(
        id=new_id(),
        name=f"{call.flow.name}-{count}",
        flow_run_id=parent.flow_run.id,
        task_key=key,
        dynamic_key=str(count),
        tags=sorted(TAGS.get()),
        task_inputs=inputs,
        state=StateCreate(type=words.PENDING),
    )
    made = yield Ask(parent.session, "create_task_run", stand_in)
    return made


def _earlier_run(call: FlowCall, parent: FlowRunContext, stand_in: TaskRun) -> Steps[FlowRun | None]:
    if parent.attempt < 2 and parent.flow_run.run_count < 1:
        return None
    wanted = {"parent_task_run_id": {"any_": [stand_in.id]}}
    found = yield Ask(
        call.session, "read_flow_runs", flow_runs=wanted, sort="EXPECTED_START_TIME_DESC", limit=1
    )
    return found[0] if found else None


def recorded(parameters: dict[str, Any]) -> msgspec.Raw:
    """Parameters as JSON for the record: what JSON cannot hold is told by its repr, what is too large by its size."""
    return raw({name: _recorded(value) for name, value in parameters.items()})


def _recorded(value: Any) -> msgspec.Raw:
    try:
        text = msgspec.json.encode(value, enc_hook=_otherwise)
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        text = msgspec.json.encode(_short(value))
    if len(text) > RECORDED_BYTES or b"\\u0000" in text:
        text = msgspec.json.encode(
            f"<{type(value).__name__}, {len(text):,} bytes as JSON: too large to record>"
        )
    return msgspec.Raw(text)


def _otherwise(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return _short(value)


def _short(value: Any) -> str:
    text = repr(value).encode("utf-8", "replace").decode()
    return text if len(text) <= 1000 else text[:1000] + "..."


class LeaveLoop(Effect):
    """Close the connections that belong to the running event loop; nothing to do where there is none."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def now(self) -> None:
        return None

    async def later(self) -> None:
        await self.session.leave_loop()


def farewell(session: Session) -> Steps[None]:
    """At the end of a root flow run: all logs are at the API."""
    yield OffLoop(session.flush_logs)
    yield LeaveLoop(session)
