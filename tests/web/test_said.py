"""Every action says what it did, and what is deleted is named before."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from orion.web.routes import routes
from orion.web.said import WORDS
from tests.seed import Seeded
from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML, World, act

SAY_IT_THEMSELVES = {
    "/notifications/deliveries/{id}/send", "/runs/bulk", "/runs/views", "/runs/views/{id}/rename",
    "/runs/views/{id}/default", "/runs/views/{id}/delete", "/runs/{id}/cancel", "/runs/{id}/undo", "/runs/{id}/retry",
    "/runs/{id}/start", "/runs/{id}/state", "/task-runs/{id}/state", "/runs/{id}/resume",
    "/deployments/{id}/run", "/deployments/{id}/edit", "/deployments/{id}/backfill",
    "/deployments/{id}/schedules/{schedule_id}/switch", "/deployments/{id}/pause", "/deployments/{id}/resume",
    "/deployments/{id}/limit", "/queues/{id}/pause", "/queues/{id}/resume", "/queues/{id}/limit",
    "/limits/{id}/raise", "/blocks/{id}/test", "/notifications/test", "/notifications/{id}/test",
    "/notifications/{id}/pause", "/notifications/{id}/resume", "/settings/theme",
}  # fmt: skip


def test_every_action_of_the_console_has_words() -> None:
    actions = {route.page for route in routes(True) if route.page and route.page_method == "POST"}
    actions |= {
        route.page for route in routes(True) if route.page and route.api is None and route.method == "POST"
    }
    assert actions - WORDS.keys() == SAY_IT_THEMSELVES
    assert WORDS.keys() <= actions


def told(client: Client, address: str, **form: str) -> str:
    """What the next page shows after an action."""
    answer = act(client, address, **form)
    assert answer.status_code == 303
    return unquote(re.findall(r"said=([^;]*)", answer.headers["set-cookie"])[0])


def test_what_was_done_is_shown_on_the_page_that_comes_next(client: Client) -> None:
    flow = makers.flow(client)["id"]
    deployment = makers.deployment(client, flow)["id"]
    assert told(client, "/variables", name="region", value="eu") == "Created the variable"
    assert told(client, "/limits", kind="tag", tag="db", limit="2") == "The limit is set"
    assert told(client, f"/deployments/{deployment}/delete") == "Deleted the deployment"
    assert told(client, f"/flows/{flow}/delete").startswith("Deleted the flow")
    page = client.get("/flows", headers={**HTML, "Cookie": "said=Deleted%20the%20flow"}).text
    assert '<div class="toast" role="status">Deleted the flow</div>' in page


def test_a_refused_action_does_not_say_that_it_was_done(client: Client) -> None:
    assert act(client, "/variables", name="Not A Name", value="1").status_code == 422
    assert "set-cookie" not in act(client, f"/flows/{makers.UNKNOWN}/delete").headers


def test_cancelling_all_that_match_asks_nothing_and_says_what_it_did(full: World) -> None:
    client, seeded = full
    assert told(client, "/runs/bulk", verb="cancel", all="yes", back="runs?tag=gpu").startswith("Cancelled ")
    assert state(client, seeded, "velvet-otter") == "CANCELLING"


def state(client: Client, seeded: Seeded, name: str) -> str:
    return str(client.get(f"/api/flow_runs/{seeded.runs[name]}").json()["state_type"])


@pytest.mark.row("UI-14", "UI-16")
def test_a_deletion_names_what_goes_with_it(seen: World) -> None:
    client, seeded = seen
    run = client.get(f"/api/flow_runs/{seeded.runs['velvet-otter']}").json()
    warned = asks(client, f"/runs/{run['id']}")
    assert re.search(r"Takes its \d+ task runs and \d+ log lines? with it", warned)
    assert "has not ended" in warned
    assert re.search(
        r"Takes \d+ runs with tasks and logs, and 1 deployment", asks(client, f"/flows/{run['flow_id']}")
    )
    assert "the runs that have not started" in asks(client, f"/deployments/{run['deployment_id']}")


def asks(client: Client, address: str) -> str:
    """What stands above the button that deletes what a page shows."""
    page = client.get(address, headers=HTML).text
    return page.partition('/delete"><p class="muted">')[2].partition("</p>")[0]
