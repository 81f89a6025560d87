"""A small world of flows, deployments, runs and queues, with gaps and repeats wherever the schema allows them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from orion.model.deployments import Deployment
from orion.model.flow_runs import CreatedBy, FlowRun
from orion.model.flows import Flow
from orion.model.ids import new_id
from orion.model.states import State
from orion.model.task_runs import TaskRun
from orion.model.work_queues import WorkQueue
from orion.store import flow_runs, flows, task_runs, work_queues
from orion.store.base import Conn
from orion.store.deployments import DEPLOYMENT
from orion.store.rows import json_text
from orion.store.tags import add

NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
NAMES = ("alpha", "Alpha", "be_ta", "be%ta", "100%", "back\\slash", "a", "größe", "quo'te")
TAGS = ("a", "b", "c", "a_b")
QUEUES = ("default", "be_ta", "nightly")
STATES = (
    ("SCHEDULED", "Scheduled"),
    ("SCHEDULED", "Late"),
    ("RUNNING", "Running"),
    ("COMPLETED", "Completed"),
    ("FAILED", "Failed"),
    ("CANCELLED", "Cancelling"),
)


class World(Struct):
    """What is in the database, as plain lists."""

    flows: list[Flow] = []
    deployments: list[Deployment] = []
    queues: list[WorkQueue] = []
    flow_runs: list[FlowRun] = []
    task_runs: list[TaskRun] = []


def moment(rng: random.Random) -> datetime:
    """One of some forty moments around NOW, some of them whole seconds."""
    return NOW + timedelta(seconds=rng.randrange(-20, 20) * 30.25)


def some(rng: random.Random, values: tuple[str, ...]) -> list[str]:
    return rng.sample(values, rng.randrange(3))


def build(conn: Conn, seed: int = 7, runs: int = 40) -> World:
    """Fill an empty database, the same way for the same seed."""
    rng = random.Random(seed)
    world = World()
    for name in NAMES[:6]:
        flow = Flow(id=new_id(), created=moment(rng), updated=moment(rng), name=name, tags=some(rng, TAGS))
        conn.run(flows.FLOW.insert, flows.FLOW.values(conn, flow))
        add(conn, "flow", [flow.id], flow.tags)
        world.flows.append(flow)
    for name in QUEUES:
        world.queues.append(work_queues.ensure(conn, name, NOW))
    for number in range(8):
        world.deployments.append(
            _deployment(conn, rng, world.flows[number % 5], f"{rng.choice(NAMES)}{number}")
        )
    for _ in range(runs):
        world.flow_runs.append(_flow_run(conn, rng, world))
        world.task_runs += [_task_run(conn, rng, world, number) for number in range(rng.randrange(3))]
    return world


def _deployment(conn: Conn, rng: random.Random, flow: Flow, name: str) -> Deployment:
    deployment = Deployment(
        id=new_id(),
        created=moment(rng),
        updated=moment(rng),
        name=name,
        flow_id=flow.id,
        paused=rng.random() < 0.4,
        tags=some(rng, TAGS),
        work_queue_name=rng.choice((None, *QUEUES)),
        concurrency_limit=rng.choice((None, 1, 5)),
    )
    conn.run(DEPLOYMENT.insert, DEPLOYMENT.values(conn, deployment))
    add(conn, "deployment", [deployment.id], deployment.tags)
    return deployment


def _flow_run(conn: Conn, rng: random.Random, world: World) -> FlowRun:
    kind, name = rng.choice(STATES)
    above = [run.id for run in world.task_runs]
    run = FlowRun(
        id=new_id(),
        created=moment(rng),
        updated=moment(rng),
        name=rng.choice(NAMES),
        flow_id=rng.choice(world.flows).id,
        deployment_id=rng.choice((None, rng.choice(world.deployments).id)),
        work_queue_name=rng.choice((None, *QUEUES)),
        flow_version=rng.choice((None, "1", "2")),
        tags=some(rng, TAGS),
        parent_task_run_id=rng.choice(above) if above and rng.random() < 0.3 else None,
        idempotency_key=rng.choice((None, f"key-{len(world.flow_runs)}")),
        state_id=new_id(),
        state_type=kind,  # type: ignore[arg-type]
        state_name=name,
        run_count=1,
        expected_start_time=moment(rng),
        next_scheduled_start_time=moment(rng) if kind == "SCHEDULED" else None,
        start_time=moment(rng) if kind != "SCHEDULED" else None,
        end_time=moment(rng) if kind in ("COMPLETED", "FAILED") else None,
        total_run_time=float(rng.randrange(100)),
        created_by=rng.choice((None, CreatedBy(id=world.deployments[0].id, type="DEPLOYMENT"))),
    )
    flow_runs.insert(conn, run)
    run.state = add_state(conn, "flow_run", run)
    return run


def _task_run(conn: Conn, rng: random.Random, world: World, number: int) -> TaskRun:
    kind, name = rng.choice(STATES)
    run = TaskRun(
        id=new_id(),
        created=moment(rng),
        updated=moment(rng),
        name=rng.choice(NAMES),
        flow_run_id=rng.choice((None, world.flow_runs[-1].id, world.flow_runs[-1].id)),
        task_key="key",
        dynamic_key=str(number),
        tags=some(rng, TAGS),
        state_id=new_id(),
        state_type=kind,  # type: ignore[arg-type]
        state_name=name,
        expected_start_time=rng.choice((None, moment(rng))),
        start_time=rng.choice((None, moment(rng))),
        end_time=rng.choice((None, moment(rng))),
    )
    task_runs.insert(conn, run)
    run.state = add_state(conn, "task_run", run)
    return run


def add_state(
    conn: Conn, table: str, run: FlowRun | TaskRun, at: datetime = NOW, message: str | None = None
) -> State:
    """A state row of the run's own state, entered at a time."""
    assert run.state_id and run.state_type and run.state_name
    state = State(id=run.state_id, type=run.state_type, name=run.state_name, timestamp=at, message=message)
    conn.run(
        f"INSERT INTO {table}_state (id, {table}_id, type, name, timestamp, message, state_details) "
        "VALUES (:id, :run_id, :type, :name, :timestamp, :message, :details)",
        {
            "id": state.id,
            "run_id": run.id,
            "type": state.type,
            "name": state.name,
            "timestamp": conn.time(at),
            "message": message,
            "details": json_text(state.state_details),
        },
    )
    conn.run(
        f"UPDATE {table} SET state_id = :state_id, state_timestamp = :at WHERE id = :id",
        {"state_id": state.id, "at": conn.time(at), "id": run.id},
    )
    return state
