"""What is done from the console's pages: forms that work without scripts, answer 303 and lose nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML, World, act


@pytest.mark.row("UI-14")
def test_forms_work_without_scripts_and_lead_on_by_303(full: World) -> None:
    client, seeded = full
    run = seeded.runs["close-15-30"]
    assert act(client, f"/runs/{run}/cancel").headers["location"] == f"../../runs/{run}"
    assert client.get(f"/api/flow_runs/{run}").json()["state_type"] == "CANCELLED"
    answer = act(client, f"/runs/{run}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../runs")
    assert client.get(f"/api/flow_runs/{run}").status_code == 404


@pytest.mark.row("UI-14")
def test_who_reads_the_address_of_an_action_is_sent_to_its_page(full: World) -> None:
    client, seeded = full
    run = seeded.runs["cobalt-heron"]
    asked = client.get(f"/runs/{run}/cancel?x=1", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, f"../../runs/{run}")
    assert client.get("/runs/bulk", headers=HTML).headers["location"] == "../runs"
    assert client.get(f"/runs/{run}/cancel", headers={"Accept": "application/json"}).status_code == 405
    assert client.put(f"/runs/{run}/cancel", headers=HTML).status_code == 405


def test_retry_gives_an_ended_run_another_attempt(full: World) -> None:
    client, seeded = full
    run = seeded.runs["cobalt-heron"]
    assert act(client, f"/runs/{run}/retry").status_code == 303
    assert client.get(f"/api/flow_runs/{run}").json()["state_name"] == "AwaitingRetry"


def test_deleting_many_runs_asks_once_more_says_what_happened_and_keeps_the_filter(
    full: World,
) -> None:
    client, seeded = full
    ids = [seeded.runs["cobalt-heron"], seeded.runs["amber-lynx"]]
    form = {"run": ids, "verb": "delete", "back": "runs?range=24h"}
    asked = client.post("/runs/bulk", data=form, headers=HTML)
    assert asked.status_code == 200
    assert "Delete 2 runs?" in asked.text and "cobalt-heron" in asked.text
    assert client.get(f"/api/flow_runs/{ids[0]}").status_code == 200
    answer = client.post("/runs/bulk", data={**form, "sure": "yes"}, headers=HTML)
    assert answer.headers["location"] == "../runs?range=24h"
    assert "said=Deleted%202%20runs" in answer.headers["set-cookie"]
    assert [client.get(f"/api/flow_runs/{id}").status_code for id in ids] == [404, 404]


def test_cancelling_many_runs_asks_nothing_and_says_how_many_had_ended(full: World) -> None:
    client, seeded = full
    ids = [seeded.runs[name] for name in ("close-15-30", "velvet-otter", "cobalt-heron")]
    json = {"Accept": "application/json"}
    answer = client.post("/runs/bulk", data={"run": ids, "verb": "cancel"}, headers=json)
    undo = answer.json().pop("undo")
    assert undo["number"] == 1, "the one that was running had begun"
    assert answer.json() == {
        "changed": 2, "unchanged": 1, "reasons": {"it had ended already": 1}, "undo": undo
    }  # fmt: skip
    states = [client.get(f"/api/flow_runs/{id}").json()["state_type"] for id in ids]
    assert states == ["CANCELLED", "CANCELLING", "FAILED"]
    ended = client.post("/runs/bulk", data={"run": ids[2], "verb": "cancel"}, headers=json)
    assert ended.json() == {"changed": 0, "unchanged": 1, "reasons": {"it had ended already": 1}}


def test_the_cancelling_of_a_run_that_had_not_begun_can_be_undone(full: World) -> None:
    client, seeded = full
    waits, runs = seeded.runs["close-15-30"], seeded.runs["velvet-otter"]
    due = client.get(f"/api/flow_runs/{waits}").json()["next_scheduled_start_time"]
    act(client, f"/runs/{waits}/cancel")
    assert "Undo cancel" in client.get(f"/runs/{waits}", headers=HTML).text
    assert act(client, f"/runs/{waits}/undo").status_code == 303
    again = client.get(f"/api/flow_runs/{waits}").json()
    assert (again["state_type"], again["next_scheduled_start_time"]) == ("SCHEDULED", due)
    act(client, f"/runs/{runs}/cancel")
    client.post(f"/api/flow_runs/{runs}/set_state", json={"state": {"type": "CANCELLED"}, "force": True})
    assert "Undo cancel" not in client.get(f"/runs/{runs}", headers=HTML).text
    act(client, f"/runs/{runs}/undo")
    assert client.get(f"/api/flow_runs/{runs}").json()["state_type"] == "CANCELLED"


def test_the_cancelling_of_many_is_undone_at_once_for_those_that_had_not_begun(full: World) -> None:
    client, seeded = full
    waits, late, runs = (seeded.runs[name] for name in ("close-15-30", "close-14-30", "velvet-otter"))
    act(client, "/runs/bulk", verb="cancel", run=[late], back="runs?tag=finance")
    client.app.state.clock.now += timedelta(seconds=1)
    form = {"verb": "cancel", "all": "yes", "back": "runs?state=scheduled&state=running"}
    cookie = act(client, "/runs/bulk", **form).headers["set-cookie"].partition(";")[0]
    page = client.get("/runs?state=scheduled&state=running", headers={**HTML, "Cookie": cookie}).text
    asked = page.partition('class="toast"')[2].partition("</div>")[0]
    number = int(re.findall(r"Undo for (\d+) runs? not begun", asked)[0])
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
    assert fields["back"] == "runs?state=scheduled&amp;state=running"
    fields["back"] = fields["back"].replace("&amp;", "&")
    assert number >= 1 and state(client, waits) == "CANCELLED"
    undone = client.post("/runs/bulk", data=fields, headers={"Accept": "application/json"}).json()
    assert undone == {"changed": number, "unchanged": 0, "reasons": {}}
    assert state(client, waits) == "SCHEDULED"
    assert state(client, late) == "CANCELLED", "another cancel is not undone with it"
    assert state(client, runs) == "CANCELLING", "it had begun"
    again = client.post("/runs/bulk", data=fields, headers={"Accept": "application/json"}).json()
    assert again["changed"] == 0
    assert client.post("/runs/bulk", data={**fields, "at": "soon"}, headers=HTML).status_code == 400


def state(client: Client, run: str) -> str:
    return str(client.get(f"/api/flow_runs/{run}").json()["state_type"])


def test_a_cookie_that_is_no_undo_offers_none(client: Client) -> None:
    for cookie in ("said=Done|x|2", "said=Done|1", "said=Done|1|2|3", "said=Done|9999999999999999999|1"):
        page = client.get("/runs", headers={**HTML, "Cookie": cookie}).text
        assert '<div class="toast" role="status">Done</div>' in page
    assert "<script>" not in client.get("/runs", headers={**HTML, "Cookie": "said=%3Cscript%3E|1|2"}).text


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/runs", "javascript:alert(1)"])
def test_a_form_never_leads_to_another_site(client: Client, back: str) -> None:
    answer = client.post("/runs/bulk", data={"verb": "cancel", "back": back}, headers=HTML)
    assert answer.headers["location"] == "../runs"


@pytest.mark.row("UI-18")
def test_the_switch_of_a_deployment_turns_its_schedule_off_and_on(full: World) -> None:
    client, seeded = full
    deployment = seeded.deployments["hourly-rollup/prod"]
    for paused, way, other in ((False, "pause", "resume"), (True, "resume", "pause")):
        page = client.get(f"/deployments/{deployment}", headers=HTML).text
        assert f'deployments/{deployment}/{way}"' in page and f'deployments/{deployment}/{other}"' not in page
        assert client.get(f"/api/deployments/{deployment}").json()["paused"] is paused
        act(client, f"/deployments/{deployment}/{way}")


@pytest.mark.row("UI-18")
def test_the_run_form_makes_a_run_once_however_often_it_is_sent(full: World) -> None:
    client, seeded = full
    page = f"/deployments/{seeded.deployments['nightly-warehouse-load/prod']}"
    form = {
        "idempotency_key": "k",
        "p.day": "2026-11-22",
        "p.batch_size": "700",
        "p.dry_run": ["false", "true"],
        "name": "by-hand",
    }
    first, second = (act(client, f"{page}/run", **form).headers["location"] for _ in range(2))
    assert first == second
    assert f'href="..{page}/edit">Edit</a>' in client.get(page, headers=HTML).text
    run = client.get("/api/flow_runs/" + first.rpartition("/")[2]).json()
    assert run["name"] == "by-hand"
    assert run["parameters"] == {"day": "2026-11-22", "batch_size": 700, "dry_run": True}


def test_a_faulty_form_comes_back_with_all_faults_and_nothing_lost(full: World) -> None:
    client, seeded = full
    page = f"/deployments/{seeded.deployments['nightly-warehouse-load/prod']}"
    answer = act(client, f"{page}/run", **{"p.day": "", "p.batch_size": "50000", "p.note": "kept"})
    assert answer.status_code == 422
    for said in (
        "It is required.",
        "Must be at most 20000.",
        'value="50000"',
        'value="kept"',
        'aria-invalid="true"',
    ):
        assert said in answer.text


def test_form_and_json_are_two_views_of_one_value(full: World) -> None:
    client, seeded = full
    page = f"/deployments/{seeded.deployments['nightly-warehouse-load/prod']}/run"
    as_json = act(client, page, switch="json", **{"p.day": "2026-11-22", "p.batch_size": "700"})
    assert as_json.status_code == 200 and "&#34;batch_size&#34;: 700" in as_json.text
    back = act(client, page, switch="form", json='{"batch_size": 800}')
    assert 'value="800"' in back.text
    assert "Write a JSON object" in act(client, page, json="[1").text


@pytest.mark.row("UI-20")
def test_a_queue_is_changed_and_a_fault_loses_nothing(client: Client) -> None:
    queue = act(client, "/queues", name="night", limit="2").headers["location"].rpartition("/")[2]
    form = client.get(f"/queues/{queue}/edit", headers=HTML).text
    assert 'value="night"' in form and 'value="2"' in form
    wrong = act(client, f"/queues/{queue}/edit", name="a/b", limit="3", description="kept")
    assert wrong.status_code == 422 and "kept" in wrong.text and 'aria-invalid="true"' in wrong.text
    assert '<span class="n">1</span></a>' in wrong.text, "the navigation counts here too"
    act(client, f"/queues/{queue}/edit", name="day", limit="", priority="7", description="by day")
    now = client.get(f"/api/work_queues/{queue}").json()
    assert (now["name"], now["concurrency_limit"], now["priority"]) == ("day", None, 7)


def switched_on(deployment: str, page: str) -> bool:
    """Whether the page shows the schedule of a deployment as on, with a switch that turns it off."""
    form = page.partition(f'deployments/{deployment}/pause"')[2].partition("</form>")[0]
    return 'class="switch on" role="switch" aria-checked="true"' in form


@pytest.mark.row("UI-16")
def test_the_flow_page_switches_its_deployments_and_deletes_the_record(full: World) -> None:
    client, seeded = full
    deployment = seeded.deployments["hourly-rollup/prod"]
    flow = client.get(f"/api/deployments/{deployment}").json()["flow_id"]
    page = client.get(f"/flows/{flow}", headers=HTML).text
    assert f'data-copy="{flow}"' in page and switched_on(deployment, page)
    act(client, f"/deployments/{deployment}/pause")
    assert f"deployments/{deployment}/resume" in client.get(f"/flows/{flow}", headers=HTML).text
    assert act(client, f"/flows/{flow}/delete").headers["location"] == "../../flows"
    assert client.get(f"/flows/{flow}", headers=HTML).status_code == 404


@pytest.mark.row("UI-17")
def test_a_deployment_is_deleted_from_the_list_and_its_finished_runs_stay(full: World) -> None:
    client, seeded = full
    deployment, run = seeded.deployments["nightly-warehouse-load/prod"], seeded.runs["cobalt-heron"]
    page = client.get("/deployments", headers=HTML).text
    assert f'data-copy="{deployment}"' in page and f"deployments/{deployment}/delete" in page
    assert switched_on(deployment, page)
    assert act(client, f"/deployments/{deployment}/delete").headers["location"] == "../../deployments"
    assert client.get(f"/api/deployments/{deployment}").status_code == 404
    assert client.get(f"/runs/{run}", headers=HTML).status_code == 200


@pytest.mark.row("UI-20")
def test_a_queue_is_made_paused_and_removed(client: Client) -> None:
    made = act(client, "/queues", name="night", limit="2", description="")
    queue = made.headers["location"].rpartition("/")[2]
    assert client.get(f"/api/work_queues/{queue}").json()["concurrency_limit"] == 2
    listed = client.get("/queues", headers=HTML).text
    assert f'href="./queues/{queue}"><b>night</b>' in listed and 'href="./queues/new"' in listed
    assert f'action="./queues/{queue}/pause"' in listed
    act(client, f"/queues/{queue}/pause")
    assert client.get(f"/api/work_queues/{queue}").json()["is_paused"] is True
    assert f'action="./queues/{queue}/resume"' in client.get("/queues", headers=HTML).text
    own = client.get(f"/queues/{queue}", headers=HTML).text
    assert f"queues/{queue}/edit" in own and f"queues/{queue}/delete" in own
    assert "exists already" in act(client, "/queues", name="night", limit="").text
    assert act(client, f"/queues/{queue}/delete").headers["location"] == "../../queues"


def test_many_queues_are_paged_by_name_and_found_by_how_it_begins(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.web.pages.queues.MOST", 2)
    for name in ("night-1", "night-2"):
        makers.queue(client, name=name)
    assert 'type="search"' not in client.get("/queues", headers=HTML).text, "two are seen at once"
    makers.queue(client, name="team_day")
    first = client.get("/queues", headers={"Accept": "application/json"}).json()
    assert [row["queue"]["name"] for row in first["rows"]] == ["night-1", "night-2"]
    rest = client.get(f"/{first['older']}", headers={"Accept": "application/json"}).json()
    assert ([row["queue"]["name"] for row in rest["rows"]], rest["older"]) == (["team_day"], None)
    found = client.get("/queues?q=team_", headers={"Accept": "application/json"}).json()
    assert [row["queue"]["name"] for row in found["rows"]] == ["team_day"]
    assert "No queue has a name that begins so" in client.get("/queues?q=%25", headers=HTML).text
    page = client.get("/queues", headers=HTML).text
    assert 'type="search"' in page and "1–2 of 3 queues" in page and 'rel="next"' in page
