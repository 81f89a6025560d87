"""Deployments and their schedules in the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.errors import Conflict, Invalid, NotFound
from orion.model import wire
from orion.model.deployments import (
    Deployment,
    DeploymentCreate,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
)
from orion.model.filters import DeploymentFilter, Filters, TagsCriterion
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.store import (
    Conn,
    Store,
    deployment_schedules,
    deployments,
    flow_runs,
    flows,
    secret_schemas,
    states,
    work_queues,
)
from orion.store.migrate import steps
from tests.store.test_flow_runs import added as added_flow_run
from tests.store.world import NOW, add_state

LATER = NOW + timedelta(minutes=5)
HOURLY = {"interval": 3600.0}
NIGHTLY = {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def flow_id(store: Store) -> str:
    return store.write_now(flows.create, FlowCreate(name="etl"), NOW)[0].id


def save(store: Store, flow_id: str, now: Any = NOW, **fields: Any) -> tuple[Deployment, bool]:
    body = wire.encode({"name": "daily", "flow_id": flow_id} | fields)
    return store.write_now(deployments.upsert, wire.decode(body, DeploymentCreate), now)


def change(store: Store, id: str, now: Any = LATER, **fields: Any) -> Deployment:
    store.write_now(deployments.update, id, wire.decode(wire.encode(fields), DeploymentUpdate), now)
    found = store.read_now(deployments.get, id, now)
    assert found is not None
    return found


def version(store: Store, id: str) -> int:
    return int(
        store.read_now(
            lambda conn: conn.one("SELECT schedule_version FROM deployment WHERE id = :id", {"id": id})
        )[0]
    )


@pytest.mark.row("DEP-01")
@pytest.mark.row("DB-11")
def test_flow_and_name_make_one_deployment_which_later_saves_change(store: Store, flow_id: str) -> None:
    first, created = save(store, flow_id, tags=["a", "b"], parameters={"x": 1}, description="d", version="1")
    assert created and (first.tags, first.description, first.created) == (["a", "b"], "d", NOW)
    again, created = save(store, flow_id, LATER, tags=["c"], version="2")
    assert not created and (again.id, again.created, again.updated) == (first.id, NOW, LATER)
    assert (again.tags, again.version, again.description) == (["c"], "2", "d")
    assert wire.unraw(again.parameters) == {"x": 1}
    found = store.read_now(deployments.by_name, "etl", "daily", LATER)
    assert found == store.read_now(deployments.get, first.id, LATER) == again
    assert store.read_now(deployments.by_name, "etl", "other") is None
    assert store.read_now(deployments.by_name, "other", "daily") is None
    tagged = Filters(deployments=DeploymentFilter(tags=TagsCriterion(all_=["a"])))
    assert store.read_now(deployments.count, tagged) == 0 and store.read_now(deployments.count) == 1


@pytest.mark.row("DEP-02")
def test_every_field_is_kept(store: Store, flow_id: str) -> None:
    opaque = {
        "parameter_openapi_schema": {"type": "object"},
        "pull_steps": [{"a": {}}],
        "job_variables": {"env": {}},
    }
    plain = {
        "path": "p",
        "entrypoint": "f.py:etl",
        "manifest_path": "m.json",
        "enforce_parameter_schema": True,
    }
    saved, _ = save(store, flow_id, **opaque, **plain, concurrency_limit=2, labels={"l": "v"})
    for name, value in opaque.items():
        assert wire.unraw(getattr(saved, name)) == value
    assert {name: getattr(saved, name) for name in plain} == plain
    assert wire.unraw(saved.infra_overrides) == {"env": {}} and saved.concurrency_limit == 2
    older = change(store, saved.id, infra_overrides={"env": {"A": "1"}})
    assert wire.unraw(older.job_variables) == {"env": {"A": "1"}}
    cleared = change(store, saved.id, parameters=None, job_variables=None, description=None, tags=None)
    assert bytes(cleared.parameters) == bytes(cleared.job_variables) == b"{}" and cleared.tags == []


def test_a_deployment_of_a_missing_flow_or_block_or_pool_is_refused(store: Store, flow_id: str) -> None:
    with pytest.raises(Conflict):
        save(store, new_id())
    for column in ("storage_document_id", "infrastructure_document_id"):
        with pytest.raises(Conflict, match=column):
            save(store, flow_id, **{column: new_id()})
    with pytest.raises(NotFound, match="Work pool 'k8s'"):
        save(store, flow_id, work_pool_name="k8s")
    assert store.read_now(deployments.count) == 0
    with pytest.raises(NotFound, match="Deployment not found"):
        change(store, new_id(), version="2")


def test_the_queue_it_names_is_made(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id, work_queue_name="nightly")
    queue = store.read_now(work_queues.by_name, "nightly")
    assert queue is not None and saved.work_queue_id == queue.id
    assert (saved.work_pool_name, saved.status, saved.last_polled) == (
        "default-agent-pool",
        "NOT_READY",
        None,
    )
    store.write_now(work_queues.touch, queue.id, LATER)
    polled = store.read_now(deployments.get, saved.id, LATER + timedelta(seconds=30))
    assert polled is not None and (polled.status, polled.last_polled) == ("READY", LATER)
    assert save(store, flow_id, work_pool_name="default-agent-pool")[0].work_queue_name == "default"
    freed = change(store, saved.id, work_queue_name=None)
    assert (freed.work_queue_name, freed.work_queue_id) == (None, None)


@pytest.mark.row("DEP-02")
def test_it_is_switched_off_in_the_newer_and_the_older_spelling(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id)
    assert (saved.paused, saved.is_schedule_active) == (False, True)
    for fields in (
        {"paused": True},
        {"is_schedule_active": False},
        {"paused": False, "is_schedule_active": False},
    ):
        off = change(store, saved.id, **fields)
        assert (off.paused, off.is_schedule_active) == (True, False)
        store.write_now(deployments.set_paused, saved.id, False, LATER)
        on = store.read_now(deployments.get, saved.id)
        assert on is not None and (on.paused, on.is_schedule_active) == (False, True)


def test_a_schedule_is_sent_in_the_newer_or_the_older_spelling(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id, schedules=[{"schedule": HOURLY}, {"schedule": NIGHTLY, "active": False}])
    first, second = saved.schedules
    assert (
        wire.unraw(first.schedule)["interval"] == 3600
        and wire.unraw(first.schedule)["anchor_date"] is not None
    )
    assert wire.unraw(second.schedule)["cron"] == "0 3 * * *" and not second.active
    assert bytes(saved.schedule) == bytes(first.schedule)
    older = change(store, saved.id, schedule=NIGHTLY)
    assert [wire.unraw(each.schedule)["cron"] for each in older.schedules] == ["0 3 * * *"]
    assert change(store, saved.id, version="9").schedules == older.schedules
    assert change(store, saved.id, schedule=None).schedules == []
    assert change(store, saved.id, schedule=NIGHTLY, schedules=[]).schedules != []


def test_a_schedule_that_makes_no_sense_is_refused_and_nothing_is_saved(store: Store, flow_id: str) -> None:
    for schedule in ({"cron": "61 * * * *"}, {"cron": "0 9 31 2 *"}, {"interval": 0.5}, {}):
        with pytest.raises(Invalid):
            save(store, flow_id, schedules=[{"schedule": schedule}])
    assert store.read_now(deployments.count) == 0


def test_a_schedule_sent_again_keeps_its_row_and_its_cursor(store: Store, flow_id: str) -> None:
    both = [{"schedule": HOURLY}, {"schedule": NIGHTLY}]
    saved, _ = save(store, flow_id, schedules=both)
    ids = [each.id for each in saved.schedules]

    def cursors(conn: Conn) -> list[Any]:
        return [row[0] for row in conn.all("SELECT scheduled_until FROM deployment_schedule ORDER BY id")]

    store.write_now(
        lambda conn: conn.run(
            "UPDATE deployment_schedule SET scheduled_until = :at", {"at": conn.time(LATER)}
        )
    )
    again, _ = save(store, flow_id, LATER, schedules=both)
    assert [each.id for each in again.schedules] == ids and None not in store.read_now(cursors)
    fewer, _ = save(store, flow_id, LATER, schedules=[{"schedule": NIGHTLY, "active": False}])
    assert [(each.id, each.active) for each in fewer.schedules] == [(ids[1], False)]
    assert store.read_now(cursors) == [None]
    other, _ = save(store, flow_id, LATER, schedules=[{"schedule": {**NIGHTLY, "timezone": "UTC"}}])
    assert other.schedules[0].id not in ids


def test_schedules_are_added_changed_and_taken_away_one_by_one(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id)
    before = version(store, saved.id)
    (added,) = store.write_now(
        deployment_schedules.add, saved.id, [DeploymentScheduleCreate(schedule=HOURLY, slug="s")], NOW
    )
    assert store.read_now(deployment_schedules.of_deployment, saved.id) == [added]
    off = DeploymentScheduleUpdate(active=False, schedule=NIGHTLY)
    store.write_now(deployment_schedules.update, saved.id, added.id, off, LATER)
    (found,) = store.read_now(deployment_schedules.of_deployment, saved.id)
    assert (found.active, found.slug, found.updated) == (False, "s", LATER)
    assert wire.unraw(found.schedule)["cron"] == "0 3 * * *"
    store.write_now(deployment_schedules.delete, saved.id, added.id)
    assert store.read_now(deployment_schedules.of_deployment, saved.id) == []
    assert version(store, saved.id) == before + 3


def test_schedules_of_another_deployment_are_out_of_reach(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id, schedules=[{"schedule": HOURLY}])
    other, _ = save(store, flow_id, name="other")
    id = saved.schedules[0].id
    for write, args in (
        (deployment_schedules.update, (other.id, id, DeploymentScheduleUpdate(active=False), NOW)),
        (deployment_schedules.delete, (other.id, id)),
        (deployment_schedules.add, (new_id(), [], NOW)),
    ):
        with pytest.raises(NotFound):
            store.write_now(write, *args)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="Deployment not found"):
        store.read_now(deployment_schedules.of_deployment, new_id())


@pytest.mark.row("DEP-09")
def test_a_deleted_deployment_takes_runs_that_never_began_along(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id, schedules=[{"schedule": HOURLY}])
    planned = {
        "deployment_id": saved.id,
        "state_id": new_id(),
        "state_type": "SCHEDULED",
        "state_name": "Scheduled",
    }
    waiting = store.write_now(added_flow_run, **planned)
    store.write_now(lambda conn: add_state(conn, "flow_run", waiting))
    retried = store.write_now(added_flow_run, **(planned | {"state_id": new_id(), "run_count": 1}))
    done = store.write_now(
        added_flow_run, deployment_id=saved.id, state_type="COMPLETED", state_name="Completed"
    )
    store.write_now(deployments.delete, saved.id)
    assert store.read_now(deployments.get, saved.id) is None
    left = store.read_now(flow_runs.filter, None, None, 200)
    assert {run.id: run.deployment_id for run in left} == {retried.id: None, done.id: None}
    assert store.read_now(states.of_flow_run, waiting.id) == []
    with pytest.raises(NotFound):
        store.write_now(deployments.delete, saved.id)


def test_a_deployment_lets_its_runs_go_bit_by_bit(store: Store, flow_id: str) -> None:
    saved, _ = save(store, flow_id)
    for number in range(5):
        store.write_now(
            added_flow_run, deployment_id=saved.id, state_type="COMPLETED", state_name=str(number)
        )
    for planned in (True, False, False, False):
        waits: dict[str, Any] = {"state_type": "SCHEDULED", "state_name": "Scheduled", "auto_scheduled": planned}
        store.write_now(added_flow_run, deployment_id=saved.id, **waits)
    assert [store.write_now(deployments.shrink, saved.id, 2, NOW) for _ in range(6)] == [2, 2, 1, 2, 1, 0]
    left = store.read_now(flow_runs.filter, None, None, 200)
    assert [run.auto_scheduled for run in left if run.deployment_id is not None] == [True]
    assert len(left) == 6, "those that had begun are on their own"


def test_a_collision_strategy_is_one_of_three(store: Store, flow_id: str) -> None:
    options = wire.raw({"collision_strategy": "CANCEL_OLD"})
    saved, _ = save(store, flow_id, concurrency_limit=1, concurrency_options=options)
    assert wire.unraw(saved.concurrency_options) == {"collision_strategy": "CANCEL_OLD"}
    with pytest.raises(Invalid, match="there is ENQUEUE, CANCEL_NEW, CANCEL_OLD"):
        save(store, flow_id, concurrency_options=wire.raw({"collision_strategy": "MAYBE"}))


def takes(title: str, **more: Any) -> dict[str, Any]:
    token = {"title": title, "type": "string", "format": "password"}
    return {"properties": {"token": token, "default": {"type": "integer"}} | more}


def kept(store: Store, flow_id: str) -> list[Any]:
    return [wire.decode(text.encode(), dict) for text in store.read_now(secret_schemas.of_flow, flow_id)]


def test_schemas_that_know_secrets_are_kept_with_the_flow_once_however_often_their_words_change(
    store: Store, flow_id: str
) -> None:
    for title in ("Token", "The token"):
        save(store, flow_id, parameter_openapi_schema=takes(title))
    save(store, flow_id, LATER, parameter_openapi_schema=takes("Token", pin={"writeOnly": True}))
    save(store, flow_id, LATER, parameter_openapi_schema={"properties": {"day": {"type": "string"}}})
    secret = {"type": "string", "format": "password"}
    old = {"properties": {"token": secret, "default": {"type": "integer"}}}
    assert kept(store, flow_id) == [{"properties": old["properties"] | {"pin": {"writeOnly": True}}}, old]
    store.write_now(flows.delete, flow_id)
    assert kept(store, flow_id) == []


def test_an_upgrade_keeps_the_schemas_of_the_deployments_that_are_there(store: Store, flow_id: str) -> None:
    save(store, flow_id, parameter_openapi_schema=takes("Token"))
    save(store, flow_id, name="open", parameter_openapi_schema={"properties": {"day": {}}})
    (step,) = (step.text for step in steps(store.dialect) if step.name == "secret_schemas")
    copy = step[step.index("INSERT INTO") :].strip().rstrip(";")

    def upgrade(conn: Conn) -> None:
        conn.run("DELETE FROM secret_schema", {})
        conn.run(copy, {})

    store.write_now(upgrade)
    assert kept(store, flow_id) == [takes("Token")]
