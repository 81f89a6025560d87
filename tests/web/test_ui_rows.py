"""Rows of the console that other tests touch in part: default range, filters of the chart, details, empty pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, World
from tests.web.test_blocks import registered, saved

JSON = {"Accept": "application/json"}


def at(client: Client, clock: Clock, flow: str, **ago: float) -> str:
    """The name of a run that was due some time ago."""
    due = (clock.now - timedelta(**ago)).isoformat()
    return str(
        makers.flow_run(client, flow, state={"type": "SCHEDULED", "state_details": {"scheduled_time": due}})[
            "name"
        ]
    )


@pytest.mark.row("UI-04")
def test_by_default_runs_are_shown_from_seven_days_back_to_the_end_of_tomorrow(
    client: Client, clock: Clock
) -> None:
    flow = makers.flow(client)["id"]
    midnight = clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
    rest = (midnight + timedelta(days=2) - clock.now).total_seconds() / 60
    shown = {at(client, clock, flow, minutes=7 * 1440 - 1), at(client, clock, flow, minutes=1 - rest)}
    left_out = {at(client, clock, flow, minutes=7 * 1440 + 1), at(client, clock, flow, minutes=-1 - rest)}
    groups = client.get("/runs", headers=JSON).json()["groups"]
    names = {row["run"]["name"] for group in groups for row in group["rows"]}
    assert shown <= names
    assert not left_out & names


@pytest.mark.row("UI-09")
def test_a_list_asks_again_every_30_seconds_and_a_run_every_5_until_it_has_ended(client: Client) -> None:
    def seconds(address: str) -> int | None:
        found = re.search(r'id="follow" [^>]* every (\d+)s"', client.get(address, headers=HTML).text)
        return int(found[1]) if found else None

    run = makers.running_flow_run(client)["id"]
    task = makers.task_run(client, run)["id"]
    lists = ("runs", "flows", "deployments", "artifacts", "notifications")
    assert {place: seconds(f"/{place}") for place in lists} == dict.fromkeys(lists, 30)
    assert all((seconds(f"/{place}") or 99) < 30 for place in ("queues", "limits", "health"))
    assert [seconds(f"/runs/{run}{tab}") for tab in ("", "/logs", "/tasks")] == [5, 5, 5]
    assert seconds(f"/task-runs/{task}") == 5
    for kind, id in (("task_runs", task), ("flow_runs", run)):
        makers.propose(client, kind, id, "COMPLETED", force=True)
    assert seconds(f"/runs/{run}") is None and seconds(f"/task-runs/{task}") is None


@pytest.mark.row("UI-03")
def test_runs_are_shown_from_a_start_date_to_the_end_of_an_end_date(client: Client, clock: Clock) -> None:
    flow = makers.flow(client)["id"]
    names = [at(client, clock, flow, days=days) for days in (5, 4, 3, 2)]

    def found(query: str) -> list[str]:
        groups = client.get(f"/runs?sort=oldest&{query}", headers=JSON).json()["groups"]
        return [row["run"]["name"] for group in groups for row in group["rows"]]

    days = [(clock.now - timedelta(days=days)).date() for days in (4, 3)]
    assert found("") == names
    assert found(f"start-date={days[0]}") == names[1:]
    assert found(f"end-date={days[1]}") == names[:3]
    assert found(f"start-date={days[0]}&end-date={days[1]}") == names[1:3]


@pytest.mark.row("UI-06")
def test_the_chart_obeys_the_filters(seen: World) -> None:
    client, _ = seen
    looks = [
        {
            look
            for bucket in client.get(address, headers=JSON).json()["history"]["buckets"]
            for look in bucket["counts"]
        }
        for address in ("/runs?range=24h", "/runs?range=24h&state=failed", "/runs?range=24h&tag=none")
    ]
    assert len(looks[0]) > 3
    assert looks[1:] == [{"failed"}, set()]


@pytest.mark.row("UI-06")
def test_the_runs_of_a_list_are_dots_of_when_they_began_and_how_long_they_took(seen: World) -> None:
    client, _ = seen
    address = "/runs?range=24h&chart=duration"
    for narrowed, looks in (("&state=failed", {"failed"}), ("&tag=none", set())):
        assert {dot["look"] for dot in client.get(address + narrowed, headers=JSON).json()["dots"]} == looks
    dots = client.get(address, headers=JSON).json()["dots"]
    assert len({dot["look"] for dot in dots}) > 2 and [dot["time"] for dot in dots] == sorted(
        dot["time"] for dot in dots
    )
    run = client.get(f"/api/flow_runs/{dots[-1]['href'].removeprefix('runs/')}").json()
    assert abs(run["estimated_run_time"] - dots[-1]["seconds"]) < 60
    page = client.get(address, headers=HTML).text
    assert page.count('class="dotted"') == len(dots)
    assert f'<path class="dotted" data-s="{dots[-1]["look"]}"' in page
    switch = page.index('aria-label="Chart"')
    assert 'aria-current="true">Duration' in page[switch:]
    assert 'name="chart" value="duration"' in page  # a filter keeps the chart


@pytest.mark.row("UI-06")
def test_dots_are_the_newest_of_very_many(seen: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = seen
    every = client.get("/runs?range=24h&chart=duration", headers=JSON).json()["dots"]
    monkeypatch.setattr("orion.web.pages.runs.DOTS", 3)
    answer = client.get("/runs?range=24h&chart=duration", headers=JSON).json()
    assert [dot["href"] for dot in answer["dots"]] == [dot["href"] for dot in every[-3:]]
    assert "the newest 3" in client.get("/runs?range=24h&chart=duration", headers=HTML).text


@pytest.mark.row("UI-10", "UI-11")
def test_the_details_of_a_run_are_all_there(client: Client) -> None:
    given = {"region": "eu-central", "size": 3}
    where = saved(client, registered(client), {"user": "me"}, name="here")["id"]
    run = makers.flow_run(
        client, name="known", tags=["nightly"], flow_version="v7", parameters=given,
        infrastructure_document_id=where,
    )  # fmt: skip
    client.patch(f"/api/flow_runs/{run['id']}", json={"infrastructure_pid": "host-1:77"})
    makers.propose(client, "flow_runs", run["id"], "RUNNING")
    makers.propose(client, "flow_runs", run["id"], "FAILED", message="no shelf", force=True)
    page = client.get(f"/runs/{run['id']}", headers=HTML).text
    details = page.partition('id="details"')[2].partition("</section>")[0]
    for word, value in (
        ("Version", "v7"),
        ("Run count", "1"),
        ("Message", "no shelf"),
        ("Run id", run["id"]),
        ("Process", "host-1:77"),
    ):
        assert re.search(rf"<dt>{word}</dt><dd[^>]*>{re.escape(value)}</dd>", details), word
    assert "<dt>Created</dt>" in details
    assert re.search(rf'<dt>Infrastructure</dt><dd><a href="../blocks/{where}">[\w-]+ / here</a>', details)
    taken = client.get(f"/runs/{run['id']}/parameters", headers=HTML).text
    table = re.findall(
        r'<tr><td class="mono">(\w+)</td><td class="muted">(\w+)</td><td class="mono">(.*?)</td>', taken
    )
    assert table == [("region", "text", "&#34;eu-central&#34;"), ("size", "number", "3")]
    assert '<span class="tag">nightly</span>' in page
    long = makers.flow_run(client, parameters={"blob": "x" * 5000})["id"]
    aside = client.get(f"/runs/{long}", headers=HTML).text
    assert "… 4,702 more letters" in aside and "x" * 300 not in aside, "two of the 300 are quotation marks"
    assert "x" * 5000 in client.get(f"/runs/{long}/parameters", headers=HTML).text


@pytest.mark.row("UI-15")
def test_flows_are_searched_by_name_and_tag(client: Client) -> None:
    for name, tag in (("load-orders", "etl"), ("load-refunds", "dev"), ("report", "etl")):
        flow = makers.flow(client, name, tags=[tag])["id"]
        run = makers.flow_run(client, flow)["id"]
        makers.propose(client, "flow_runs", run, "RUNNING")
        makers.propose(client, "flow_runs", run, "COMPLETED")

    def found(query: str) -> list[str]:
        return [row["flow"]["name"] for row in client.get(f"/flows?{query}", headers=JSON).json()["rows"]]

    assert found("q=load") == ["load-orders", "load-refunds"]
    assert found("q=load&tag=etl") == ["load-orders"]
    page = client.get("/flows", headers=HTML).text
    assert page.count("1 of 1 completed</span> · no usual time yet") == 3
    graphs = re.findall(r'class="bars">(.*?)</div>', page)
    assert [graph.count("<rect") for graph in graphs] == [1, 1, 1]


@pytest.mark.row("UI-25")
@pytest.mark.parametrize(
    ("address", "title", "words"),
    [
        ("/runs", "<h2>No runs yet</h2>", "python hello.py"),
        ("/flows", "<h2>No flows yet</h2>", "python hello.py"),
        ("/deployments", "<h2>Nothing is deployed yet</h2>", "orion deployment apply"),
        ("/queues", "<h2>No work queue yet</h2>", "orion agent start default"),
        ("/limits", "<h2>No limits</h2>", "orion concurrency-limit create"),
        ("/blocks", "<h2>No blocks yet</h2>", "orion block register -f blocks.py"),
        ("/artifacts", "<h2>No artifacts yet</h2>", "create_markdown_artifact"),
        ("/variables", "<h2>No variables yet</h2>", "orion variable set"),
        ("/notifications", "<h2>Nobody is told of anything yet</h2>", "orion block create slack-webhook"),
        ("/health", "No clock yet", "orion clock"),
        ("/search", "<h1>Search</h1>", "Type a name"),
        ("/search?q=none", "<h1>Search</h1>", "Nothing is called"),
    ],
)
def test_every_empty_page_says_so_and_what_to_do_next(
    client: Client, address: str, title: str, words: str
) -> None:
    page = client.get(address, headers=HTML).text
    assert title in page and words in page
