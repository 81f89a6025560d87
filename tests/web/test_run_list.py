"""The runs list: words in its address, views, groups, pages, and what is done to many runs at once."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.datastructures import QueryParams

from orion.web.display import Viewer, viewer
from orion.web.pages import run_query
from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML, World, act

JSON = {"Accept": "application/json"}


def names(client: Client, query: str) -> set[str]:
    page = client.get(f"/runs?{query}", headers=JSON).json()
    return {row["run"]["name"] for group in page["groups"] for row in group["rows"]}


def read(text: str) -> run_query.RunQuery:
    viewer.set(Viewer())
    return run_query.parse(QueryParams(parse_qsl(text)))


@pytest.mark.row("UI-03", "UI-05")
def test_an_exclamation_mark_excludes(seen: World) -> None:
    client, seeded = seen
    flow = client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").json()["flow_id"]
    deployment = seeded.deployments["export-ledger/close"]
    failed = {"cobalt-heron", "dull-anvil"}
    expected = {
        "state=failed&tag=!pii": failed - {"cobalt-heron"},
        "state=failed&queue=!etl": failed - {"cobalt-heron"},
        f"state=failed&flow=!{flow}": failed - {"cobalt-heron"},
        "state=failed&flow=nightly-warehouse-load": {"cobalt-heron"},
        "state=failed&flow=!nightly-warehouse-load": failed - {"cobalt-heron"},
        f"state=cancelled&state=failed&deployment=!{deployment}": failed,
        "state=failed&q=tag:!pii": failed - {"cobalt-heron"},
        "q=state:failed tag:pii cobalt": {"cobalt-heron"},
        "state=!completed&state=!scheduled&state=!failed&tag=!finance&tag=!ml&tag=!payments": set(),
    }
    for query, found in expected.items():
        assert (query, names(client, query)) == (query, found)
    assert "close-14-30" in names(client, "state=late&state=failed")
    assert "close-14-30" not in names(client, "state=scheduled&state=failed")
    inner = names(client, "queue=!etl&state=completed&flow=hourly-rollup")
    assert "inner-otter" in inner, "a run without a queue is in none that is excluded"


def test_a_form_that_is_sent_keeps_what_its_selects_do_not_show() -> None:
    query = read("tag=a&tag=!b&queue=q&state=failed&range=24h&by=end")
    assert query.chosen("tag") == "a"
    assert query.hidden() == [("range", "24h"), ("by", "end"), ("queue", "q"), ("tag", "!b")]
    assert read(query.href().partition("?")[2]) == query


def test_runs_are_filtered_by_when_they_ended(full: World) -> None:
    client, _ = full
    flow = makers.flow(client)
    run = makers.flow_run(client, flow["id"], state={"type": "RUNNING"})
    flows = f"flow={flow['id']}"
    assert names(client, flows) == {run["name"]} and names(client, f"{flows}&by=end") == set()
    makers.propose(client, "flow_runs", run["id"], "COMPLETED")
    page = client.get(f"/runs?{flows}&by=end", headers=JSON).json()
    assert [row["run"]["name"] for group in page["groups"] for row in group["rows"]] == [run["name"]]
    assert page["total"] == 1
    assert names(client, f"{flows}&by=end&end-date=2020-01-01&start-date=2019-12-01") == set()


def test_a_saved_view_says_how_many_runs_it_shows(client: Client) -> None:
    makers.flow_run(client)
    act(client, "/runs/views", name="All", back="runs?range=24h")
    act(client, "/runs/views", name="Bad", back="runs?state=failed")
    views = client.get("/runs", headers=JSON).json()["views"]
    assert {each["name"]: each["number"] for each in views} == {"All": 1, "Bad": 0}
    assert 'All<span class="n">1</span>' in client.get("/runs", headers=HTML).text


def test_a_view_is_saved_shown_renamed_opens_first_and_goes(client: Client) -> None:
    makers.flow_run(client)
    address = "runs?state=failed&state=late&tag=%21sandbox&sort=az"
    saved = act(client, "/runs/views", name=" Needs  attention ", back=address)
    assert saved.headers["location"].endswith(address)
    searches = client.post("/api/saved_searches/filter", json={}).json()
    assert [each["name"] for each in searches] == ["Needs attention"]
    assert {
        "object": "flow_run",
        "property": "tag",
        "type": "tag",
        "operation": "not_any_",
        "value": ["sandbox"],
    } in (searches[0]["filters"])
    page = client.get("/" + address, headers=JSON).json()
    assert page["view_here"]["name"] == "Needs attention" and page["view_here"]["href"] == address
    view = f"/runs/views/{searches[0]['id']}"
    act(client, f"{view}/rename", name="Look here")
    act(client, f"{view}/default")
    assert client.get("/", headers=HTML).headers["location"].endswith(address)
    act(client, "/runs/views", name="Other", back="runs?state=crashed", default="yes")
    assert client.get("/", headers=HTML).headers["location"].endswith("state=crashed")
    assert act(client, f"{view}/rename", name="Other").status_code == 409
    assert act(client, "/runs/views", name="", back="runs").status_code == 422
    act(client, f"{view}/delete")
    assert [each["name"] for each in client.post("/api/saved_searches/filter", json={}).json()] == ["Other"]
    assert act(client, f"{view}/delete").status_code == 404


def test_a_search_of_another_console_is_read_as_far_as_it_goes(client: Client) -> None:
    filters = [
        {"object": "flow_run", "property": "tag", "type": "tag", "operation": "any_", "value": ["a", "b"]},
        {"object": "flow", "property": "name", "type": "string", "operation": "x", "value": "y"},
        {"object": "flow_run", "property": "what", "type": "z", "operation": "z", "value": {"a": 1}},
    ]
    client.put("/api/saved_searches/", json={"name": "foreign", "filters": filters})
    makers.flow_run(client)
    assert client.get("/runs", headers=JSON).json()["views"][0]["href"] == "runs?tag=a&tag=b"


def test_the_list_goes_on_under_the_same_day_and_asks_again_for_all_that_it_shows(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = seen
    monkeypatch.setattr("orion.web.pages.runs.PAGE", 5)
    first = client.get("/runs?sort=oldest", headers=JSON).json()
    partial = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#more"}
    more = client.get(f"/{first['older']}&more=1&day={first['day']}", headers=partial).text
    assert more.count('<li class="run"') == 5 and 'id="more"' in more
    assert first["day"] not in more and "runs?sort=oldest&amp;n=10" in more
    shown = client.get("/runs?sort=oldest&n=10", headers=JSON).json()
    assert sum(len(group["rows"]) for group in shown["groups"]) == 10


@pytest.mark.parametrize("query", ["range=7d", "range=7d&by=end", "range=7d&sort=oldest"])
def test_each_day_is_said_once_however_many_pages_a_list_is_scrolled(
    seen: World, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Pages so small that one day fills several of them."""
    client, _ = seen
    monkeypatch.setattr("orion.web.pages.runs.PAGE", 3)
    partial = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#more"}
    page, days, pages = client.get(f"/runs?{query}", headers=HTML).text, list[str](), 0
    while True:
        days += re.findall(r'<li class="day">[^<]*<span>(\w+ \d+ \w+(?: \d+)?)</span>', page)
        older = re.search(r'<div id="more" hx-get="\./([^"]+)"', page)
        if not older:
            break
        page, pages = client.get(f"/{unescape(older[1])}", headers=partial).text, pages + 1
    assert pages > 4 and days and all(day != next_day for day, next_day in pairwise(days)), days


def test_a_list_that_is_scrolled_very_far_waits_for_a_click_and_goes_on_in_a_fresh_page(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = seen
    monkeypatch.setattr("orion.web.pages.runs.PAGE", 5)
    monkeypatch.setattr("orion.web.pages.runs.MOST_SCROLLED", 10)
    partial = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#more"}
    page = client.get("/runs?sort=oldest", headers=HTML).text
    scrolled = re.search(r'<div id="more" hx-get="\./([^"]+)"', page)
    assert scrolled and "so far" not in page
    end = client.get(f"/{unescape(scrolled[1])}", headers=partial).text
    assert 'id="more"' not in end and "10 runs so far" in end
    older = re.search(r'href="\./([^"]+)" rel="next"', end)
    fresh = client.get(f"/{unescape(older[1])}", headers=HTML).text if older else ""
    assert "11–15 of" in fresh and fresh.count('<li class="run"') == 5 and 'id="more"' in fresh


def test_an_empty_list_says_which_filter_hides_the_most(seen: World) -> None:
    client, _ = seen
    page = client.get("/runs?state=failed&tag=finance", headers=HTML).text
    assert "State: failed hides the most" in page
    drops = client.get("/runs?state=failed&tag=finance", headers=JSON).json()["drops"]
    assert [drop["words"] for drop in drops] == ["state: failed", "tag: finance"]
    assert names(client, drops[1]["href"].partition("?")[2]) == {"cobalt-heron", "dull-anvil"}
    assert drops[1]["number"] == 2


def bulk(client: Client, **form: Any) -> Any:
    return client.post("/runs/bulk", data=form, headers=JSON).json()


def test_all_that_match_are_changed_and_the_refused_are_counted_by_reason(full: World) -> None:
    client, seeded = full
    told = bulk(client, verb="retry", all="yes", back="runs?state=failed&state=running&state=crashed")
    assert told["changed"] == 3 and told["unchanged"] == 2
    assert told["reasons"] == {"it has not ended": 2}
    for name in ("cobalt-heron", "dull-anvil", "amber-lynx"):
        assert client.get(f"/api/flow_runs/{seeded.runs[name]}").json()["state_name"] == "AwaitingRetry"
    assert client.get(f"/api/flow_runs/{seeded.runs['velvet-otter']}").json()["state_type"] == "RUNNING"


def test_deleting_all_that_match_names_the_number_and_posts_the_filter_again(full: World) -> None:
    client, seeded = full
    form = {"verb": "delete", "all": "yes", "back": "runs?tag=gpu"}
    asked = client.post("/runs/bulk", data=form, headers=HTML).text
    number = client.post("/api/flow_runs/count", json={"flow_runs": {"tags": {"all_": ["gpu"]}}}).json()
    assert f"Delete {number} runs?" in asked and 'name="all"' in asked and 'name="id"' not in asked
    assert "under way" in asked
    assert bulk(client, **form, sure="yes")["changed"] == number
    assert client.get(f"/api/flow_runs/{seeded.runs['velvet-otter']}").status_code == 404
    assert client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").status_code == 200


def test_the_buttons_for_all_that_match_name_how_many_they_change(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = full
    total = client.get("/runs", headers=JSON).json()["total"]
    bar = client.get("/runs", headers=HTML).text.partition('class="bulk"')[2]
    assert f"all {total} that match" in bar
    assert f'Cancel<span class="of-all"> {total} runs</span>' in bar
    monkeypatch.setattr("orion.web.pages.run_actions.MOST", total - 1)
    bar = client.get("/runs", headers=HTML).text.partition('class="bulk"')[2]
    assert f"the first {total - 1} of {total} that match" in bar and f"> {total - 1} runs<" in bar
