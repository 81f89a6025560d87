"""A believable server: flows, deployments, queues and runs in every state with tasks, dependencies and logs.

    seed(store, now)                  # some 60 runs over two days
    python -m tests.seed URL [DAYS]   # the same into a database of yours, to look at

Everything goes through the store and the orchestration rules, with the clock as an argument, so that the past is real.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orion.model import wire
from orion.model.deployments import Deployment, DeploymentCreate, DeploymentScheduleCreate
from orion.model.flow_runs import FlowRunCreate
from orion.model.flows import FlowCreate
from orion.model.logs import LogCreate
from orion.model.states import StateCreate, StateDetails
from orion.model.task_runs import TaskRunCreate, TaskRunInput
from orion.model.times import utcnow
from orion.model.work_queues import WorkQueueCreate
from orion.orchestration import create_flow_run, create_task_run, propose_flow_run, propose_task_run
from orion.services import scheduling
from orion.store import Conn, Store, deployments, flows, logs, open_store, work_queues
from tests.seed_plans import DASHBOARDS, EMBED, LEDGER, PLANS, ROLLUP, STRIPE, WAREHOUSE, Plan, Task

INFO, WARNING, ERROR = 20, 30, 40


@dataclass
class Seeded:
    """What was made, by name: ids of deployments and of the runs that tests look for."""

    deployments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)


def seed(store: Store, now: datetime, days: float = 2, *, busy: bool = False) -> Seeded:
    """Fill a database with runs of the last `days`, running ones, late ones and planned ones; many when `busy`."""
    made, rng = Seeded(), random.Random(7)
    plans = {plan.flow: store.write_now(_deploy, plan, now - timedelta(days=days)) for plan in PLANS}
    made.deployments = {f"{name}/{d.name}": d.id for name, d in plans.items()}
    for hours in range(int(days * 24), 0, -1):
        for plan in (ROLLUP, *([STRIPE] if hours % 2 else []), *([WAREHOUSE] if hours % 24 == 12 else [])):
            at = now - timedelta(hours=hours)
            store.write_now(_complete, Run(plans[plan.flow], plan, f"{plan.deployment}-{at:%H-%M}", at, rng))
    for minutes in _restless(rng, days) if busy else ():
        run = Run(
            plans[DASHBOARDS.flow], DASHBOARDS, f"prod-{minutes}", now - timedelta(minutes=minutes), rng
        )
        store.write_now(_broken if rng.random() < 0.06 else _complete, run, now)
    for name, (work, plan, minutes) in STORIES.items():
        run = Run(plans[plan.flow], plan, name, now - timedelta(minutes=minutes), rng)
        made.runs[name] = store.write_now(work, run, now)
    for deployment in plans.values():
        store.write_now(scheduling.replan, deployment.id, now)
    store.write_now(_poll, ("etl", "default", "payments"), now)
    return made


@dataclass(frozen=True)
class Run:
    """A run to tell the story of."""

    deployment: Deployment
    plan: Plan
    name: str
    at: datetime
    rng: random.Random


def _restless(rng: random.Random, days: float) -> list[int]:
    """Minutes ago of many runs: more by day than by night."""
    ago = [rng.randrange(3, int(days * 1440)) for _ in range(int(days * 260))]
    return sorted((each for each in ago if rng.random() < (0.3 if each // 360 % 2 else 1)), reverse=True)


def _deploy(conn: Conn, plan: Plan, at: datetime) -> Deployment:
    flow, _ = flows.create(conn, FlowCreate(name=plan.flow, tags=list(plan.tags)), at)
    if work_queues.by_name(conn, plan.queue) is None:
        work_queues.create(
            conn, WorkQueueCreate(name=plan.queue, concurrency_limit=2 if plan.queue == "gpu" else None), at
        )
    wanted = DeploymentCreate(
        name=plan.deployment,
        flow_id=flow.id,
        tags=list(plan.tags),
        work_queue_name=plan.queue,
        description=plan.description,
        entrypoint=f"flows/{plan.flow.replace('-', '_')}.py:{plan.flow.replace('-', '_')}",
        version="9f31c2e",
        parameters=wire.raw(dict(plan.parameters)),
        parameter_openapi_schema=wire.raw(dict(plan.schema) or {"type": "object", "properties": {}}),
        schedules=[DeploymentScheduleCreate(schedule=dict(plan.schedule))] if plan.schedule else [],
    )
    deployment, _ = deployments.upsert(conn, wanted, at)
    return deployment


def _begin(conn: Conn, run: Run, *, parent: str | None = None) -> str:
    """A run that has been asked for, claimed and started; its id."""
    made, _ = create_flow_run(conn, _wanted(run, run.at, parent), run.at)
    propose_flow_run(conn, made.id, StateCreate(type="PENDING"), run.at + timedelta(seconds=0.9))
    propose_flow_run(conn, made.id, StateCreate(type="RUNNING"), run.at + timedelta(seconds=3.4))
    _log(
        conn,
        made.id,
        None,
        INFO,
        f"Started run {run.name} of {run.plan.flow}",
        run.at + timedelta(seconds=3.5),
    )
    return made.id


def _wanted(run: Run, at: datetime, parent: str | None = None) -> FlowRunCreate:
    return FlowRunCreate(
        flow_id=run.deployment.flow_id,
        deployment_id=run.deployment.id,
        name=run.name,
        tags=list(run.plan.tags),
        parameters=wire.raw({**run.plan.parameters}),
        work_queue_name=run.plan.queue,
        parent_task_run_id=parent,
        state=StateCreate(type="SCHEDULED", state_details=StateDetails(scheduled_time=at)),
    )


def _tasks(conn: Conn, run: Run, run_id: str, until: datetime, broken: str = "") -> datetime:
    """Work through the plan up to `until`; the task `broken` fails for good and what follows it is not run."""
    ends: dict[str, datetime] = {}
    ids: dict[str, str] = {}
    dead: set[str] = set()
    latest = run.at
    for task in _in_order(run.plan.tasks):
        at = max([ends[up] for up in task.upstream if up in ends], default=run.at + timedelta(seconds=4))
        at += timedelta(seconds=0.2)
        ids[task.name] = _task(conn, run_id, task, ids, min(at, until))
        if dead.intersection(task.upstream) or at >= until:
            dead.add(task.name)
            continue
        end = _attempts(conn, run, run_id, task, ids[task.name], at, until, task.name == broken)
        if end is None:
            dead.add(task.name)
        ends[task.name] = end or until
        latest = max(latest, ends[task.name] if end else latest)
    return latest


def _in_order(tasks: Sequence[Task]) -> list[Task]:
    done: list[Task] = []
    while len(done) < len(tasks):
        names = {task.name for task in done}
        done += [task for task in tasks if task not in done and names.issuperset(task.upstream)]
    return done


def _task(conn: Conn, run_id: str, task: Task, ids: dict[str, str], at: datetime) -> str:
    inputs = {"rows": [TaskRunInput(input_type="task_run", id=ids[up]) for up in task.upstream]}
    wanted = TaskRunCreate(
        name=task.name,
        flow_run_id=run_id,
        task_key=f"flows.{task.name.rsplit('-', 1)[0]}",
        dynamic_key=task.name,
        task_inputs=inputs if task.upstream else {},
        state=StateCreate(type="PENDING"),
    )
    made, _ = create_task_run(conn, wanted, at)
    return made.id


def _attempts(
    conn: Conn, run: Run, run_id: str, task: Task, id: str, at: datetime, until: datetime, broken: bool
) -> datetime | None:
    """Try a task until it ends; None when it was broken or time was up."""
    failures = run.plan.retries if broken else task.failures
    for attempt in range(failures + 1):
        propose_task_run(
            conn, id, StateCreate(type="RUNNING", name="Running" if not attempt else "Retrying"), at
        )
        for line in task.lines if not attempt else ():
            _log(conn, run_id, id, INFO, line, at + timedelta(seconds=1))
        end = at + timedelta(seconds=task.seconds * run.rng.uniform(0.85, 1.15))
        if end >= until:
            return None
        if attempt == failures:
            break
        at = _fail(conn, run_id, id, f"Attempt {attempt + 1} failed: {task.error}; retrying in 30 s", end)
    if broken:
        _log(conn, run_id, id, ERROR, TRACEBACK.format(task=task.name), end)
        propose_task_run(conn, id, StateCreate(type="FAILED", message="KeyError: 'customer_id'"), end)
        return None
    propose_task_run(conn, id, StateCreate(type="COMPLETED", data=wire.raw({"type": "literal"})), end)
    return end


TRACEBACK = """Task {task} failed, no retries left
Traceback (most recent call last):
  File "flows/warehouse.py", line 118, in {task}
    joined = orders.join(customers, on="customer_id")
KeyError: 'customer_id'"""


def _fail(conn: Conn, run_id: str, id: str, message: str, at: datetime) -> datetime:
    again = at + timedelta(seconds=30)
    _log(conn, run_id, id, WARNING, message, at)
    waiting = StateCreate(
        type="SCHEDULED", name="AwaitingRetry", state_details=StateDetails(scheduled_time=again)
    )
    propose_task_run(conn, id, waiting, at, force=True)
    return again


def _log(conn: Conn, run_id: str, task_id: str | None, level: int, message: str, at: datetime) -> None:
    name = "orion.task_runs" if task_id else "orion.flow_runs"
    line = LogCreate(
        name=name, level=level, message=message, timestamp=at, flow_run_id=run_id, task_run_id=task_id
    )
    logs.insert(conn, [line], at)


# --- Stories: one run each, in the state its name is known for --------------------------------------------------------


def _complete(conn: Conn, run: Run, now: datetime | None = None) -> str:
    run_id = _begin(conn, run)
    end = _tasks(conn, run, run_id, run.at + timedelta(days=1)) + timedelta(seconds=0.5)
    _log(conn, run_id, None, INFO, "Finished in state Completed", end)
    propose_flow_run(conn, run_id, StateCreate(type="COMPLETED", message="All states completed."), end)
    return run_id


def _running(conn: Conn, run: Run, now: datetime) -> str:
    run_id = _begin(conn, run)
    _tasks(conn, run, run_id, now)
    return run_id


def _failed(conn: Conn, run: Run, now: datetime) -> str:
    run_id = _begin(conn, run)
    end = _tasks(conn, run, run_id, now, broken="transform_orders") + timedelta(seconds=100)
    message = f"1 of {len(run.plan.tasks)} tasks failed: transform_orders, KeyError: 'customer_id'"
    _log(conn, run_id, None, ERROR, f"Finished in state Failed: {message}", end)
    propose_flow_run(conn, run_id, StateCreate(type="FAILED", message=message), end)
    return run_id


def _broken(conn: Conn, run: Run, now: datetime) -> str:
    run_id = _begin(conn, run)
    end = _tasks(conn, run, run_id, now, broken="render") + timedelta(seconds=10)
    propose_flow_run(conn, run_id, StateCreate(type="FAILED", message="1 of 2 tasks failed: render"), end)
    return run_id


def _crashed(conn: Conn, run: Run, now: datetime) -> str:
    run_id = _begin(conn, run)
    died = run.at + timedelta(seconds=100)
    _tasks(conn, run, run_id, died)
    state = StateCreate(type="CRASHED", message="The process ended with exit code 137: out of memory")
    propose_flow_run(conn, run_id, state, died)
    return run_id


def _cancelled(conn: Conn, run: Run, now: datetime) -> str:
    run_id = _begin(conn, run)
    at = run.at + timedelta(seconds=40)
    _tasks(conn, run, run_id, at)
    propose_flow_run(conn, run_id, StateCreate(type="CANCELLING"), at)
    propose_flow_run(
        conn,
        run_id,
        StateCreate(type="CANCELLED", message="Asked for during close"),
        at + timedelta(seconds=2),
    )
    return run_id


def _pending(conn: Conn, run: Run, now: datetime) -> str:
    made, _ = create_flow_run(conn, _wanted(run, run.at), run.at)
    propose_flow_run(conn, made.id, StateCreate(type="PENDING"), now - timedelta(seconds=2))
    return made.id


def _late(conn: Conn, run: Run, now: datetime) -> str:
    made, _ = create_flow_run(conn, _wanted(run, run.at), run.at - timedelta(minutes=5))
    details = StateDetails(scheduled_time=run.at)
    propose_flow_run(
        conn, made.id, StateCreate(type="SCHEDULED", name="Late", state_details=details), now, force=True
    )
    return made.id


def _planned(conn: Conn, run: Run, now: datetime) -> str:
    made, _ = create_flow_run(conn, _wanted(run, now + (now - run.at)), now)
    return made.id


def _parent(conn: Conn, run: Run, now: datetime) -> str:
    """A run whose task stands for a subflow run."""
    run_id = _begin(conn, run)
    task_id = _task(conn, run_id, Task("hourly-rollup"), {}, run.at + timedelta(seconds=5))
    propose_task_run(conn, task_id, StateCreate(type="RUNNING"), run.at + timedelta(seconds=5))
    flow, _ = flows.create(conn, FlowCreate(name=ROLLUP.flow), run.at)
    wanted = FlowRunCreate(
        flow_id=flow.id, name="inner-otter", parent_task_run_id=task_id, state=StateCreate(type="PENDING")
    )
    child, _ = create_flow_run(conn, wanted, run.at + timedelta(seconds=6))
    propose_flow_run(conn, child.id, StateCreate(type="RUNNING"), run.at + timedelta(seconds=7))
    propose_flow_run(conn, child.id, StateCreate(type="COMPLETED"), run.at + timedelta(seconds=20))
    propose_flow_run(
        conn,
        run_id,
        StateCreate(type="COMPLETED", message="All states completed."),
        run.at + timedelta(seconds=22),
    )
    return run_id


STORIES: dict[str, tuple[Any, Plan, float]] = {
    "cobalt-heron": (_failed, WAREHOUSE, 14),
    "velvet-otter": (_running, EMBED, 1.5),
    "quiet-harbour": (_running, STRIPE, 0.8),
    "amber-lynx": (_crashed, EMBED, 51),
    "plain-meadow": (_cancelled, LEDGER, 85),
    "silver-ibex": (_complete, WAREHOUSE, 108),
    "loyal-finch": (_parent, LEDGER, 72),
    "bold-osprey": (_pending, EMBED, 0.2),
    "dull-anvil": (_broken, DASHBOARDS, 96),
    "close-14-30": (_late, LEDGER, 2),
    "close-15-30": (_planned, LEDGER, 58),
}


def _poll(conn: Conn, names: Sequence[str], now: datetime) -> None:
    for name in names:
        work_queues.touch(conn, work_queues.ensure(conn, name, now).id, now)


if __name__ == "__main__":
    opened = open_store(sys.argv[1])
    print(seed(opened, utcnow(), float(sys.argv[2]) if len(sys.argv) > 2 else 2))
    opened.close()
