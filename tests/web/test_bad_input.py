"""Bad input gets its clear error, changes nothing, and harms nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from orion.services import notifying, runner
from orion.settings import Settings, temporary_settings
from orion.store import Store
from tests.notify.targets import Received, target
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, deployment, flow

HOURLY = {"schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}}
BAD = {
    "zone": ({"cron": "0 6 * * *", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
    "never": ({"cron": "0 0 31 2 *"}, "no time in the next eight years"),
    "dense": ({"rrule": "DTSTART:19000101T000000\nRRULE:FREQ=SECONDLY"}, "starts too far in the past"),
}


def planned(client: Client, of: dict[str, Any]) -> int:
    return int(client.post("/api/flow_runs/count", json={"deployments": {"id": {"any_": [of["id"]]}}}).json())


@pytest.mark.parametrize(("schedule", "said"), BAD.values(), ids=BAD)
def test_a_bad_schedule_is_refused_wherever_it_is_sent_and_the_good_one_stays(
    client: Client, store: Store, clock: Clock, schedule: dict[str, Any], said: str
) -> None:
    good = deployment(client, schedules=[HOURLY])
    path, mine = (
        f"/api/deployments/{good['id']}",
        client.get(f"/api/deployments/{good['id']}").json()["schedules"],
    )
    body = {"name": good["name"], "flow_id": good["flow_id"], "schedules": [{"schedule": schedule}]}
    for method, url, sent in (
        ("POST", "/api/deployments/", body),
        ("PATCH", path, {"schedules": [{"schedule": schedule}]}),
        ("POST", f"{path}/schedules", [{"schedule": schedule}]),
        ("PATCH", f"{path}/schedules/{mine[0]['id']}", {"schedule": schedule}),
    ):
        answer = client.request(method, url, json=sent)
        assert (answer.status_code, said in answer.text) == (422, True), (method, url, answer.text)
    assert client.get(path).json()["schedules"] == mine and planned(client, good) == 3
    runner.run_all(store, clock)
    assert planned(client, good) == 3


def test_a_deployment_of_a_flow_that_is_gone_is_refused_and_what_it_had_is_gone_with_it(
    client: Client,
) -> None:
    gone, good = deployment(client, schedules=[HOURLY]), deployment(client, schedules=[HOURLY])
    assert client.delete(f"/api/flows/{gone['flow_id']}").status_code == 204
    again = client.post("/api/deployments/", json={"name": "again", "flow_id": gone["flow_id"]})
    assert again.status_code in (404, 409) and "flow" in again.text.lower()
    never = client.post("/api/deployments/", json={"name": "never", "flow_id": UNKNOWN})
    assert never.status_code == again.status_code
    run = client.post(f"/api/deployments/{gone['id']}/create_flow_run", json={})
    assert (run.status_code, run.json()) == (404, {"detail": "Deployment not found"})
    assert (planned(client, gone), planned(client, good)) == (0, 3)


def test_a_webhook_that_hangs_is_tried_again_and_keeps_nobody_waiting(
    client: Client, store: Store, settings: Settings
) -> None:
    def hang(_: Received) -> Any:
        opened.closing.wait(30)
        return 200, {}, b""

    with (
        target(hang) as opened,
        target() as quick,
        temporary_settings({"ORION_NOTIFICATIONS_PRIVATE_TARGETS": "true", "ORION_HOME": str(settings.home)}),
    ):
        _tell(client, "custom-webhook", name="hanging", url=opened.url, method="POST", timeout=0.3)
        _tell(client, "slack-webhook", name="quick", url=quick.url)
        run = client.post(
            "/api/flow_runs/", json={"flow_id": flow(client)["id"], "state": {"type": "FAILED"}}
        )
        assert run.status_code == 201
        notifying.deliver(store, client.app.state.clock())
        sent = {
            row["block_name"]: row
            for row in client.post("/api/notification_deliveries/filter", json={}).json()
        }
    assert sent["quick"]["status"] == "delivered" and len(quick.received) == 1
    assert sent["hanging"]["status"] == "waiting" and "no answer" in sent["hanging"]["last_error"]


def _tell(client: Client, slug: str, *, name: str, **data: Any) -> None:
    kind = client.get(f"/api/block_types/slug/{slug}").json()
    criterion = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    schema = client.post("/api/block_schemas/filter", json=criterion).json()[0]
    body = {"name": name, "data": data, "block_type_id": kind["id"], "block_schema_id": schema["id"]}
    block = client.post("/api/block_documents/", json=body).json()
    policy = {"state_names": ["Failed"], "tags": [], "block_document_id": block["id"]}
    assert client.post("/api/flow_run_notification_policies/", json=policy).status_code == 201
