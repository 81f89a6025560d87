"""Events in the store: kept once, read by resource."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.errors import Invalid
from orion.model.ids import new_id
from orion.store import Store, events
from tests.store.world import NOW

RUN = f"prefect.flow-run.{new_id()}"


def beat(seconds: int = 0, **fields: Any) -> dict[str, Any]:
    given = {
        "id": new_id(),
        "occurred": (NOW + timedelta(seconds=seconds)).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": RUN},
        "related": [{"prefect.resource.role": "flow"}],
        "payload": {"n": seconds},
    }
    return given | fields


def test_an_event_is_kept_once_and_read_newest_first(store: Store) -> None:
    first, second = beat(0), beat(30, follows=new_id())
    other = beat(10, resource={"prefect.resource.id": "prefect.flow-run.other"})
    assert all(store.write_now(events.keep, event, NOW) for event in (first, second, other))
    assert not store.write_now(events.keep, first | {"payload": {"n": 9}}, NOW)
    found = store.read_now(events.of_resource, RUN, 10)
    assert [event["id"] for event in found] == [second["id"], first["id"]]
    assert found[0]["occurred"] == NOW + timedelta(seconds=30) and found[0]["received"] == NOW
    for name in ("event", "follows", "resource", "related", "payload"):
        assert found[0][name] == second[name]
    assert [event["id"] for event in store.read_now(events.of_resource, RUN, 1)] == [second["id"]]


@pytest.mark.parametrize(
    "event",
    [
        beat(id="x"),
        beat(id=None),
        beat(resource=None),
        beat(resource={}),
        beat(occurred="soon"),
        beat(occurred=None),
    ],
)
def test_an_event_without_id_resource_or_time_is_refused(sqlite_store: Store, event: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sqlite_store.write_now(events.keep, event, NOW)
