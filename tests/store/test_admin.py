"""Administration of a database."""

from __future__ import annotations

from orion.model.flows import FlowCreate
from orion.model.logs import LogCreate
from orion.store import Conn, Store, admin, deployments, flow_runs, flows, logs, work_queues
from tests.store.world import NOW, build


def settings(conn: Conn) -> list[str]:
    return [name for (name,) in conn.all("SELECT name FROM setting ORDER BY name")]


def test_clearing_deletes_everything_but_the_settings(store: Store) -> None:
    store.write_now(build)
    store.write_now(logs.insert, [LogCreate(name="n", level=20, message="m", timestamp=NOW)], NOW)
    store.write_now(admin.ping, NOW)
    store.write_now(admin.clear)
    for module in (flows, deployments, flow_runs, work_queues, logs):
        assert store.read_now(module.count) == 0
    assert store.read_now(settings) == ["ping"]
    store.write_now(flows.create, FlowCreate(name="again"), NOW)
    assert store.read_now(flows.count) == 1


def test_dropping_leaves_an_empty_database_that_works(store: Store) -> None:
    store.write_now(build)
    store.write_now(admin.ping, NOW)
    store.write_now(admin.drop)
    store.write_now(admin.create)
    assert store.read_now(settings) == [] and store.read_now(flow_runs.count) == 0
    store.write_now(build)
    assert store.read_now(flow_runs.count) == 40
