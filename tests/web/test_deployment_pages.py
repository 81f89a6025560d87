"""The pages of one deployment: every kind of field, the edit form with its schedules, a copy, a backfill."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, PARTIAL, act
from tests.web.test_blocks import registered, saved

pytestmark = pytest.mark.row("UI-18")
SCHEMA = {
    "type": "object",
    "required": ["day", "size"],
    "properties": {
        "day": {"type": "string", "format": "date"},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "regions": {"type": "array", "items": {"type": "string"}, "default": ["eu", "us"]},
        "targets": {"type": "array", "items": {"$ref": "#/definitions/Target"}},
        "store": {"block_type_slug": "local-file-system", "type": "object"},
        "token": {"type": "string", "format": "password"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
    },
    "definitions": {
        "Target": {"type": "object", "properties": {"name": {"type": "string"}, "rows": {"type": "integer"}}}
    },
}
CRON = {"cron": "0 2 * * *", "timezone": "UTC"}


@pytest.fixture
def deployment(client: Client) -> dict[str, Any]:
    return makers.deployment(
        client,
        parameter_openapi_schema=SCHEMA,
        enforce_parameter_schema=True,
        parameters={"token": "hush-hush"},
    )


def fields(page: str, name: str) -> list[str]:
    """The values of all inputs of a name."""
    return re.findall(rf'name="{re.escape(name)}"[^>]* value="([^"]*)"', page)


def run_form(client: Client, deployment: dict[str, Any], **form: Any) -> Any:
    sent = {key.replace("__", "."): value for key, value in form.items()}
    return client.post(f"/deployments/{deployment['id']}/run", data=sent, headers=HTML)


def test_rows_of_a_list_are_added_and_removed_without_scripts(
    client: Client, deployment: dict[str, Any]
) -> None:
    page = client.get(f"/deployments/{deployment['id']}", headers=HTML).text
    assert fields(page, "p.regions") == ["eu", "us"]
    sent = {"p.regions~": "list", "p.regions": ["eu", "us"]}
    added = client.post(
        f"/deployments/{deployment['id']}/run", data={**sent, "add": "p.regions"}, headers=HTML
    )
    assert (added.status_code, fields(added.text, "p.regions")) == (200, ["eu", "us", ""])
    dropped = client.post(
        f"/deployments/{deployment['id']}/run", data={**sent, "drop": "p.regions.0"}, headers=HTML
    )
    assert fields(dropped.text, "p.regions") == ["us"]
    reset = client.post(
        f"/deployments/{deployment['id']}/run", data={**sent, "reset": "p.regions"}, headers=HTML
    )
    assert fields(reset.text, "p.regions") == ["eu", "us"]


def test_rows_of_objects_keep_what_was_typed_when_one_before_them_goes(
    client: Client, deployment: dict[str, Any]
) -> None:
    sent = {"p.targets~": "2", "p.targets.0.name": "a", "p.targets.1.name": "b", "p.targets.1.rows": "many"}
    page = client.post(
        f"/deployments/{deployment['id']}/run", data={**sent, "drop": "p.targets.0"}, headers=HTML
    ).text
    assert fields(page, "p.targets.0.name") == ["b"]
    assert fields(page, "p.targets.0.rows") == ["many"]
    assert "Write a whole number." in page


def test_all_faults_are_said_at_once_and_nothing_typed_is_lost(
    client: Client, deployment: dict[str, Any]
) -> None:
    answer = run_form(
        client,
        deployment,
        p__day="",
        p__size="50",
        **{"p.targets~": "1", "p.targets.0.rows": "x"},
        start="soon",
    )
    assert answer.status_code == 422
    said = re.findall(r'<p class="err"[^>]*>.*?</svg>([^<]+)</p>', answer.text)
    assert said == [
        "It is required.",
        "Must be at most 9.",
        "Write a whole number.",
        "Write a date and time, such as 2026-11-22 14:30.",
    ]
    assert fields(answer.text, "p.size") == ["50"]
    assert re.findall(r'id="([^"]+)"[^>]* autofocus', answer.text) == ["p.day"]


def test_faults_of_json_are_those_of_the_api_and_all_of_them(
    client: Client, deployment: dict[str, Any]
) -> None:
    answer = run_form(client, deployment, json='{"size": "big", "regions": 3}')
    assert answer.status_code == 422
    for fault in ("Day is required.", "Size must be integer.", "Regions must be array."):
        assert fault in answer.text
    api = client.post(
        f"/api/deployments/{deployment['id']}/create_flow_run",
        json={"parameters": {"size": "big", "regions": 3}},
    )
    assert api.status_code == 422
    for fault in ("day is required.", "size must be integer.", "regions must be array."):
        assert fault in api.json()["detail"] if "detail" in api.json() else fault in api.text


def test_a_variant_of_a_choice_brings_its_own_field(client: Client, deployment: dict[str, Any]) -> None:
    chosen = {"p.day": "2026-11-22", "p.size": "3", "p.limit~": "1", "p.limit": "all"}
    page = client.post(
        f"/deployments/{deployment['id']}/run", data={**chosen, "preview": "1"}, headers=HTML
    ).text
    assert 'type="text" value="all"' in page
    answer = client.post(f"/deployments/{deployment['id']}/run", data=chosen, headers=HTML)
    run = client.get(f"/api/flow_runs/{answer.headers['location'].rpartition('/')[2]}").json()
    assert run["parameters"]["limit"] == "all"
    none = client.post(
        f"/deployments/{deployment['id']}/run", data={**chosen, "p.limit~": "", "p.limit": ""}, headers=HTML
    )
    run = client.get(f"/api/flow_runs/{none.headers['location'].rpartition('/')[2]}").json()
    assert run["parameters"]["limit"] is None


def test_a_secret_is_in_no_shape_of_the_form_and_a_blank_one_is_kept(
    client: Client, deployment: dict[str, Any]
) -> None:
    page, text = (
        client.get(f"/deployments/{deployment['id']}?view={view}", headers=HTML).text
        for view in ("form", "json")
    )
    assert "hush-hush" not in page + text
    assert "set; blank keeps it" in page
    assert "********" in text
    answer = run_form(client, deployment, p__day="2026-11-22", p__size="3", p__token="")
    run = client.get(f"/api/flow_runs/{answer.headers['location'].rpartition('/')[2]}").json()
    assert run["parameters"]["token"] == "hush-hush"


def test_secrets_inside_other_parameters_are_masked_kept_and_left_out_of_the_command(client: Client) -> None:
    secret = {"type": "string", "format": "password"}
    target = {"type": "object", "properties": {"host": {"type": "string"}, "key": secret}}
    schema = {"type": "object", "properties": {"target": target, "token": secret, "day": {"type": "string"},
                                               "all": {"type": "array", "items": target}}}  # fmt: skip
    rows = [{"host": "a", "key": "canary-2"}, {"host": "b", "key": "canary-3"}]
    given = {"target": {"host": "h", "key": "canary-1"}, "all": rows}
    deployment = makers.deployment(client, parameter_openapi_schema=schema, parameters=given)
    address = f"/deployments/{deployment['id']}"
    for view in ("form", "json"):
        assert "canary" not in client.get(f"{address}?view={view}", headers=HTML).text
    sent = {"p.target.host": "other", "p.target.key": "", "p.token": "canary-4", "p.day": "today", "p.all~": "2",
            "p.all.0.host": "a2", "p.all.0.key": "", "p.all.1.host": "b", "p.all.1.key": "canary-5"}  # fmt: skip
    shown = run_form(client, deployment, **sent, preview="1").text
    line = re.findall(r'data-copy="(orion deployment run[^"]*)"', shown)[0]
    assert line.endswith("-p day=today") and "canary" not in shown and "***" not in line
    left_out = shown.partition("The command leaves out ")[2].partition("</p>")[0]
    assert re.findall(r"<code>(\w+)</code>", left_out) == ["target", "all", "token"]
    assert "The command leaves out" not in client.get(address, headers=HTML).text
    expected = {
        "target": {"host": "other", "key": "canary-1"}, "token": "canary-4", "day": "today",
        "all": [{"host": "a2", "key": "canary-2"}, {"host": "b", "key": "canary-5"}],
    }  # fmt: skip
    first = made(client, run_form(client, deployment, **sent))
    assert first["parameters"] == expected
    again = client.get(f"{address}?from={first['id']}", headers=HTML).text
    assert "canary" not in again and fields(again, "from") == [first["id"]]
    sent |= {"p.token": "", "p.all.1.key": "", "from": first["id"]}
    assert made(client, run_form(client, deployment, **sent))["parameters"] == {**expected}
    typed = '{"day": "today", "token": "********", "target": {"host": "other", "key": "********"}, "all": []}'
    by_json = made(client, run_form(client, deployment, json=typed, **{"from": first["id"]}))
    assert by_json["parameters"] == {**expected, "all": []}
    stranger = makers.flow_run(client, parameters={"token": "canary-9"})
    sent["from"] = stranger["id"]
    assert "token" not in made(client, run_form(client, deployment, **sent))["parameters"]


def test_a_secret_that_was_typed_into_a_form_with_a_fault_has_to_be_typed_again(
    client: Client, deployment: dict[str, Any]
) -> None:
    faulty = run_form(client, deployment, p__day="", p__size="3", p__token="canary-6")
    assert faulty.status_code == 422 and "canary" not in faulty.text
    assert re.findall(r'id="e-([\w.]+)"', faulty.text) == ["p.day", "p.token"]
    assert "Type it again: secrets are not sent back." in faulty.text and "blank keeps it" not in faulty.text
    switched = run_form(client, deployment, p__day="2026-11-22", p__token="canary-6", switch="json").text
    assert "canary" not in switched and "&#34;token&#34;: &#34;********&#34;" in switched, (
        "what is held stays"
    )


SECRET = {"type": "string", "format": "password", "writeOnly": True}
EVERY_SECRET = {
    "type": "object",
    "properties": {
        "plain": {"$ref": "#/definitions/Key"},
        "maybe": {"anyOf": [SECRET, {"type": "null"}]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}, SECRET]},
        "pin": {"type": "integer", "writeOnly": True, "format": "password"},
        "many": {"type": "array", "items": SECRET},
        "named": {"type": "object", "additionalProperties": SECRET},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, SECRET]},
        "deep": {"type": "object", "properties": {"inner": {"anyOf": [
            {"type": "object", "required": ["kind"],
             "properties": {"kind": {"const": "a"}, "user": {"type": "string"}}},
            {"type": "object", "properties": {"kind": {"const": "b"}, "user": SECRET}}]}}},
        "open": {"type": "string"},
    },
    "definitions": {"Key": SECRET},
}  # fmt: skip
CANARIES = {
    "plain": "canary-1", "maybe": "canary-2", "either": "canary-3", "pin": 77007700, "many": ["canary-4", "canary-5"],
    "named": {"x": "canary-6"}, "pair": ["shown", "canary-7"], "deep": {"inner": {"kind": "b", "user": "canary-8"}},
    "open": "to all",
}  # fmt: skip
JSON = {"Accept": "application/json"}


def leaks(text: str) -> list[str]:
    return re.findall("canary-[0-9]+|77007700", text)


def test_no_page_shows_a_parameter_that_its_schema_calls_a_secret(client: Client) -> None:
    flow = makers.flow(client)["id"]
    cron = [{"schedule": CRON, "parameters": {"plain": "canary-11"}}]
    deployment = makers.deployment(
        client, flow, parameter_openapi_schema=EVERY_SECRET, parameters=CANARIES, schedules=cron
    )["id"]
    make = f"/api/deployments/{deployment}/create_flow_run"
    runs = [client.post(make, json={"parameters": more}).json() for more in ({}, {"plain": "canary-9"})]
    by_hand = makers.flow_run(client, flow, parameters={"plain": "canary-10"})
    ids = [run["id"] for run in (*runs, by_hand)]
    places = [*(f"/runs/{id}{tab}" for id in ids for tab in ("", "/parameters")), f"/runs/{ids[0]}/events"]
    places += [f"/runs/compare?a={ids[0]}&b={ids[1]}", f"/runs/compare?b={ids[2]}", "/runs", f"/flows/{flow}"]
    places += [
        f"/deployments/{deployment}{tab}"
        for tab in ("", "?view=json", f"?from={ids[1]}", "/edit", "/backfill")
    ]
    places += ["/deployments", f"/deployments/{deployment}?from={ids[1]}&view=json"]
    for place in places:
        for headers in (HTML, JSON):
            answer = client.get(place, headers=headers)
            assert answer.status_code == 200 and leaks(answer.text) == [], (place, headers)
    compared = client.get(f"/runs/compare?a={ids[0]}&b={ids[1]}", headers=JSON).json()
    assert compared["parameters"]["rows"] == [["plain", '"********"', '"********" (another one)']]
    shown = client.get(f"/runs/{ids[0]}/parameters", headers=HTML).text
    assert "to all" in shown and "[&#34;shown&#34;,&#34;********&#34;]" in shown
    assert client.get(f"/api/flow_runs/{ids[0]}").json()["parameters"] == CANARIES, "the API tells"


def test_a_run_stays_masked_when_its_deployment_is_changed_or_deleted_and_with_it_the_schema(client: Client) -> None:
    flow = makers.flow(client)["id"]
    words = {"token": {**SECRET, "title": "T", "default": "x"}, "title": SECRET, "open": {"type": "string"}}
    given = {"token": "canary-1", "title": "canary-2", "open": "to all"}
    made = [
        makers.deployment(client, flow, name=name, parameters=given, parameter_openapi_schema={"properties": words})
        for name in ("changed", "deleted")
    ]
    runs = [client.post(f"/api/deployments/{each['id']}/create_flow_run", json={}).json() for each in made]
    for run in runs:
        makers.propose(client, "flow_runs", run["id"], "RUNNING")
    changed = {"name": "changed", "flow_id": flow, "parameter_openapi_schema": {"properties": {}}}
    assert client.post("/api/deployments/", json=changed).status_code == 200
    client.delete(f"/api/deployments/{made[1]['id']}")
    for run in runs:
        for place in (f"/runs/{run['id']}", f"/runs/{run['id']}/parameters"):
            shown = client.get(place, headers=HTML).text
            assert leaks(shown) == [] and "to all" in shown
        assert client.get(f"/api/flow_runs/{run['id']}").json()["parameters"] == given, "the API tells"
    other = makers.flow_run(client, makers.flow(client, "other")["id"], parameters={"token": "told"})["id"]
    assert "told" in client.get(f"/runs/{other}", headers=HTML).text, "another flow's secrets are its own"


def test_secrets_in_lists_and_maps_are_kept_where_they_are_masked_and_no_mask_is_ever_run_with(
    client: Client,
) -> None:
    deployment = makers.deployment(client, parameter_openapi_schema=EVERY_SECRET, parameters=CANARIES)
    page = client.get(f"/deployments/{deployment['id']}", headers=HTML).text
    areas = dict(re.findall(r'<textarea id="p\.(\w+)"[^>]*>([^<]*)</textarea>', page))
    sent = {f"p.{name}": unescape(text) for name, text in areas.items()}
    assert {"p.many", "p.named", "p.pair"} <= sent.keys()
    sent |= {"p.deep.inner~": "1", "p.deep.inner.kind": "b", "p.either~": "2", "p.plain": "", "p.pin": "4711"}
    got = made(client, run_form(client, deployment, **sent))["parameters"]
    assert got == {**CANARIES, "pin": 4711}
    fewer = run_form(client, deployment, **{**sent, "p.many": '["********"]'})
    assert fewer.status_code == 422 and "nobody knows which of them are meant" in fewer.text
    faulty = run_form(client, deployment, **{**sent, "p.many": '["canary-12"]', "p.pin": "many"})
    assert faulty.status_code == 422 and leaks(faulty.text) == []
    assert re.findall(r'id="e-(p[\w.]+)"', faulty.text) == ["p.pin", "p.many"]
    written = '{"plain": "canary-13", "open": 3}'
    again = run_form(client, deployment, json=written, start="soon")
    assert again.status_code == 422 and leaks(again.text) == []
    assert "plain: Type it again" in again.text and "&#34;open&#34;: 3" in again.text


def test_default_parameters_are_edited_without_being_shown(client: Client) -> None:
    deployment = makers.deployment(client, parameter_openapi_schema=EVERY_SECRET, parameters=CANARIES)["id"]

    def saved(change: Callable[[dict[str, Any]], Any]) -> Any:
        page = client.get(f"/deployments/{deployment}/edit", headers=HTML).text
        text = re.findall(r'<textarea id="parameters"[^>]*>([^<]*)</textarea>', page)[0]
        values = change(json.loads(unescape(text)))
        answer = act(client, f"/deployments/{deployment}/edit", parameters=json.dumps(values))
        assert leaks(answer.text) == []
        return answer.status_code, client.get(f"/api/deployments/{deployment}").json()["parameters"]

    assert saved(lambda values: values) == (303, CANARIES)
    changed = {name: value for name, value in CANARIES.items() if name != "maybe"}
    assert saved(lambda values: {**{n: values[n] for n in changed}, "plain": "new", "open": 1}) == (
        303, {**changed, "plain": "new", "open": 1},
    )  # fmt: skip
    assert saved(lambda values: {**values, "many": ["********"]})[0] == 422


def made(client: Client, answer: Any) -> dict[str, Any]:
    """The run that a form led to."""
    assert answer.history[0].status_code == 303 if answer.history else answer.status_code == 303, answer.text
    where = str(answer.url) if answer.history else answer.headers["location"]
    return dict(client.get(f"/api/flow_runs/{where.rpartition('/')[2]}").json())


def test_the_edit_form_shows_the_next_ten_times_in_their_zone_and_saves(
    client: Client, deployment: dict[str, Any]
) -> None:
    address = f"/deployments/{deployment['id']}/edit"
    added = client.post(address, data={"s~": "0", "add": "s"}, headers=HTML)
    assert added.text.count("<li><time") == 10
    form = {
        "description": "Loads the day.", "tags": "a, b", "queue": "etl", "limit": "2", "strategy": "CANCEL_OLD",
        "catchup": "all", "parameters": '{"size": 4}', "s~": "2", "s.0.kind": "cron", "s.0.cron": "30 1 * * *",
        "s.0.zone": "Europe/Berlin", "s.0.active": "on", "s.1.kind": "interval", "s.1.every": "2", "s.1.unit": "hours",
    }  # fmt: skip
    shown = client.post(address, data={**form, "preview": "1"}, headers=HTML).text
    assert shown.count("<li><time") == 20
    assert shown.count(" <b>01:30</b>") == 10
    assert act(client, address, **form).status_code == 303
    saved = client.get(f"/api/deployments/{deployment['id']}").json()
    assert (saved["description"], saved["tags"], saved["work_queue_name"]) == (
        "Loads the day.",
        ["a", "b"],
        "etl",
    )
    assert (saved["concurrency_limit"], saved["parameters"]) == (2, {"size": 4})
    assert saved["concurrency_options"] == {"collision_strategy": "ENQUEUE", "overlap": "CANCEL_OLD"}
    assert saved["labels"]["orion.catchup"] == "all"
    kinds = [(each["schedule"].get("cron"), each["schedule"].get("interval"), each["active"])
             for each in saved["schedules"]]  # fmt: skip
    assert sorted(kinds, key=str) == [("30 1 * * *", None, True), (None, 7200.0, False)]


def test_the_description_is_shown_as_markdown_while_it_is_edited_and_on_its_page(
    client: Client, deployment: dict[str, Any]
) -> None:
    address = f"/deployments/{deployment['id']}"
    said = "Loads **all** of it.\n\n- [docs](https://example.com)\n\n<script>alert(1)</script>"
    typed = {"description": said, "preview": "1", "s~": "0"}
    shown = client.post(f"{address}/edit", data=typed, headers={**PARTIAL, "HX-Target": "form"}).text
    preview = shown.partition('id="described"')[2].partition("</div>")[0]
    assert "<strong>all</strong>" in preview and 'href="https://example.com"' in preview
    assert "<script>" not in shown
    act(client, f"{address}/edit", description=said, **{"s~": "0"})
    assert "<strong>all</strong>" in client.get(address, headers=HTML).text


def test_a_bad_schedule_comes_back_with_its_fault_and_what_was_typed(
    client: Client, deployment: dict[str, Any]
) -> None:
    form = {"s~": "1", "s.0.kind": "cron", "s.0.cron": "99 * * * *", "s.0.zone": "Mars/Olympus", "limit": "x"}
    answer = client.post(f"/deployments/{deployment['id']}/edit", data=form, headers=HTML)
    assert answer.status_code == 422
    assert fields(answer.text, "s.0.cron") == ["99 * * * *"]
    assert "Write a whole number, or nothing for no limit." in answer.text
    assert client.get(f"/api/deployments/{deployment['id']}").json()["schedules"] == []


def test_one_schedule_of_two_is_switched_off(client: Client) -> None:
    made = makers.deployment(client, schedules=[{"schedule": CRON}, {"schedule": {"interval": 3600}}])
    first = made["schedules"][0]["id"]
    act(client, f"/deployments/{made['id']}/schedules/{first}/switch")
    now = client.get(f"/api/deployments/{made['id']}").json()["schedules"]
    assert {each["id"]: each["active"] for each in now}[first] is False
    assert sum(each["active"] for each in now) == 1


def test_ten_next_times_stand_on_the_page(client: Client) -> None:
    made = makers.deployment(client, schedules=[{"schedule": CRON}])
    page = client.get(f"/deployments/{made['id']}", headers={**HTML, "Cookie": "tz=Europe/Berlin"}).text
    listed = page.partition('<ol class="next">')[2].partition("</ol>")[0]
    assert listed.count("<li>") == 10
    assert "Times in Europe/Berlin." in page


def test_a_copy_has_all_of_it_and_its_schedules_wait(client: Client, deployment: dict[str, Any]) -> None:
    act(client, f"/deployments/{deployment['id']}/edit", description="Mine", **{
        "s~": "1", "s.0.kind": "cron", "s.0.cron": "0 2 * * *", "s.0.zone": "UTC", "s.0.active": "on",
        "parameters": '{"size": 4}', "enforce": "on",
    })  # fmt: skip
    answer = act(client, f"/deployments/{deployment['id']}/clone", name="second")
    copy = client.get(f"/api/deployments/{answer.headers['location'].split('/')[-2]}").json()
    assert (copy["name"], copy["paused"], copy["description"]) == ("second", True, "Mine")
    assert copy["parameter_openapi_schema"] == SCHEMA
    assert [each["schedule"]["cron"] for each in copy["schedules"]] == ["0 2 * * *"]
    again = act(client, f"/deployments/{deployment['id']}/clone", name="second")
    assert (again.status_code, "has a deployment named" in again.text) == (409, True)


def test_a_backfill_shows_what_it_makes_and_makes_it_once(client: Client, clock: Clock) -> None:
    made = makers.deployment(client, schedules=[{"schedule": CRON}])
    address = f"/deployments/{made['id']}/backfill"
    start = (clock.now - timedelta(days=5)).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = {"start": start.isoformat()[:19], "end": (start + timedelta(days=3)).isoformat()[:19]}
    shown = client.get(address, params=asked, headers=HTML).text
    assert "3 runs" in shown and "Make 3 runs" in shown
    assert act(client, address, **asked).status_code == 303
    wanted = {"flow_runs": {"tags": {"all_": ["backfill"]}}}
    runs = client.post("/api/flow_runs/filter", json=wanted).json()
    assert sorted(run["expected_start_time"][:16] for run in runs) == [
        (start + timedelta(days=day, hours=2)).isoformat()[:16] for day in range(3)
    ]
    again = act(client, address, **asked)
    assert again.status_code == 422
    assert "every time of this range has a run already" in again.text
    assert len(client.post("/api/flow_runs/filter", json=wanted).json()) == 3


def test_a_backfill_by_steps_puts_the_day_into_a_parameter(
    client: Client, clock: Clock, deployment: dict[str, Any]
) -> None:
    client.patch(f"/api/deployments/{deployment['id']}", json={"parameters": {"size": 1}})
    start = (clock.now - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = {"start": start.isoformat()[:19], "end": (start + timedelta(days=1)).isoformat()[:19]}
    act(client, f"/deployments/{deployment['id']}/backfill", **asked, step="day", into="day")
    runs = client.post("/api/flow_runs/filter", json={"flow_runs": {"tags": {"all_": ["backfill"]}}}).json()
    assert sorted(run["parameters"]["day"] for run in runs) == [
        (start + timedelta(days=day)).date().isoformat() for day in range(2)
    ]


@pytest.mark.parametrize(
    ("start", "end", "step", "fault"),
    [
        ("2026-01-02T00:00", "2026-01-01T00:00", "", "ends before it begins"),
        ("x", "2026-01-01T00:00", "", "Write a date and time"),
        ("2000-01-01T00:00", "2020-01-01T00:00", "hour", "more than 500 runs"),
        ("2999-01-01T00:00", "2999-02-01T00:00", "", "lies ahead"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    client: Client, deployment: dict[str, Any], start: str, end: str, step: str, fault: str
) -> None:
    answer = act(client, f"/deployments/{deployment['id']}/backfill", start=start, end=end, step=step)
    assert answer.status_code == 422
    assert fault in answer.text


def test_the_page_names_the_blocks_of_code_and_infrastructure(client: Client) -> None:
    schema = registered(client)
    slug = schema["block_type"]["slug"]
    code, place = saved(client, schema, {}, is_anonymous=True, name=None), saved(client, schema, {})
    named = {"storage_document_id": code["id"], "infrastructure_document_id": place["id"]}
    page = client.get(f"/deployments/{makers.deployment(client, **named)['id']}", headers=HTML).text
    assert f'/blocks/{code["id"]}">{slug} / without a name</a>' in page
    assert f'/blocks/{place["id"]}">{slug} / {place["name"]}</a>' in page
    assert (
        "<dt>Storage" not in client.get(f"/deployments/{makers.deployment(client)['id']}", headers=HTML).text
    )
