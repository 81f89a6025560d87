"""Every page of the console, on both databases: as a page, as a region, as JSON, empty and full."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urljoin

import pytest

import orion
from orion.settings import SETTINGS, Settings, load
from orion.store import Store
from orion.web.display import duration
from orion.web.factory import build_app
from orion.web.static import assets
from tests.conftest import ASKS_NO_DATABASE
from tests.seed import Seeded
from tests.web import makers
from tests.web.browser import Client
from tests.web.pages import HTML, PARTIAL, World

OLDER = [
    ("/dashboard", "", "Runs"), ("/flow-runs", "", "Runs"), ("/flow-run/{id}", "run", ""),
    ("/flow-run/{id}/radar", "run", "cobalt-heron, radar"), ("/flow-runs/flow-run/{id}", "run", ""),
    ("/runs/flow-run/{id}", "run", ""), ("/task-run/{id}", "task", ""), ("/runs/task-run/{id}", "task", ""),
    ("/flow-runs/task-run/{id}", "task", ""), ("/flow/{id}", "flow", ""), ("/flows/flow/{id}", "flow", ""),
    ("/deployment/{id}", "deployment", ""), ("/deployment/{id}/edit", "deployment", "Edit prod"),
    ("/deployments/deployment/{id}", "deployment", ""), ("/deployments/deployment/{id}/run", "deployment", ""),
    ("/deployments/deployment/{id}/edit", "deployment", "Edit prod"), ("/work-queues", "", "Work queues"),
    ("/work-queues/new", "", "New work queue"), ("/work-queue/{id}", "queue", ""),
    ("/work-queue/{id}/edit", "queue", "Edit etl"), ("/work-queues/work-queue/{id}", "queue", ""),
    ("/work-queues/work-queue/{id}/edit", "queue", "Edit etl"), ("/notifications/new", "", "Notifications"),
    ("/concurrency-limits", "", "Limits"), ("/concurrency-limits/concurrency-limit/{id}", "run", "Limits"),
]  # fmt: skip
LISTS = ("/runs", "/flows", "/deployments", "/queues", "/limits", "/health")
OTHERS = ("/settings", "/search", "/queues/new")


def every_page(client: Client, seeded: Seeded) -> list[str]:
    heron, loyal = seeded.runs["cobalt-heron"], seeded.runs["loyal-finch"]
    run = client.get(f"/api/flow_runs/{heron}").json()
    tasks = client.post("/api/task_runs/filter", json={"flow_runs": {"id": {"any_": [heron]}}}).json()
    queue = client.post("/api/work_queues/filter", json={}).json()[0]
    tabs = (
        "",
        "/logs",
        "/tasks",
        "/subflows",
        "/parameters",
        "/radar",
        "/events",
        f"/radar?task={tasks[0]['id']}",
    )
    return [
        *LISTS, *OTHERS, *(f"/runs/{heron}{tab}" for tab in tabs), f"/runs/{loyal}/subflows",
        f"/runs/{seeded.runs['velvet-otter']}", f"/task-runs/{tasks[0]['id']}", f"/flows/{run['flow_id']}",
        f"/deployments/{run['deployment_id']}", f"/deployments/{run['deployment_id']}?view=json",
        f"/queues/{queue['id']}",
        "/runs?state=failed&state=late&range=30d&sort=az", "/runs?q=cobalt", "/search?q=heron",
    ]  # fmt: skip


@pytest.mark.row("UI-02")
def test_every_page_answers_in_every_shape(seen: World) -> None:
    client, seeded = seen
    for address in every_page(client, seeded):
        page = client.get(address, headers=HTML)
        assert (address, page.status_code) == (address, 200)
        assert page.text.count("<h1>") == 1 and "<main" in page.text
        assert "HX-Request-Type" in page.headers["vary"]
        told = client.get(address, headers={"Accept": "application/json"})
        assert (address, told.status_code, told.headers["content-type"]) == (address, 200, "application/json")
        told.json()


def test_every_page_is_six_requests_and_fifty_kilobytes_at_most_with_its_files(seen: World) -> None:
    client, seeded = seen
    files = {each.name: each for each in assets().values()}
    for address in every_page(client, seeded):
        page = client.get(address, headers={**HTML, "Accept-Encoding": "gzip"})
        named = set(re.findall(r"/static/([\w.-]+)", page.text))
        sizes = {name: len(files[name].packed) for name in named}
        sizes[address] = int(page.headers["content-length"])
        assert len(page.content) < 1_400 or page.headers["content-encoding"] == "gzip"
        assert len(sizes) <= 6 and sum(sizes.values()) <= 50_000, sizes


def test_a_region_is_a_part_of_its_page(seen: World) -> None:
    client, seeded = seen
    for address in [address for address in every_page(client, seeded) if address.split("?")[0] not in OTHERS]:
        region = client.get(address, headers=PARTIAL).text
        assert "<html" not in region and "<section" in region


@pytest.mark.row("UI-25")
def test_every_empty_list_says_what_to_do_next(client: Client) -> None:
    said = {
        "/runs": "@flow", "/flows": "python hello.py",
        "/deployments": "orion deployment build flow.py:hello -n dev",
        "/queues": "orion work-queue create default", "/limits": "orion concurrency-limit create",
    }  # fmt: skip
    for address, words in said.items():
        page = client.get(address, headers=HTML)
        assert page.status_code == 200
        assert words in page.text, address


def test_commands_carry_the_address_of_this_server(client: Client) -> None:
    for address in ("/runs", "/flows", "/deployments", "/queues"):
        assert "ORION_API_URL=http://127.0.0.1:4200/api" in client.get(address, headers=HTML).text, address


@pytest.mark.row("UI-02")
def test_the_addresses_of_older_consoles_lead_to_pages_that_are_there(seen: World) -> None:
    client, seeded = seen
    assert client.get("/", headers=HTML).headers["location"].endswith("runs")
    known = ids(client, seeded)
    for old, kind, title in OLDER:
        address = old.replace("{id}", known.get(kind, ""))
        answer = client.get(f"{address}?a=1", headers=HTML)
        assert (address, answer.status_code) == (address, 308)
        where = urljoin(f"http://127.0.0.1{address}", answer.headers["location"])
        assert where.partition("#")[0].endswith("?a=1"), where
        page = client.get(where.partition("127.0.0.1")[2], headers=HTML)
        said = re.findall(r"<title>([^<]*) · orion</title>", page.text)
        assert (address, page.status_code, said) == (address, 200, [title or known[f"{kind} name"]])


def ids(client: Client, seeded: Seeded) -> dict[str, str]:
    """An id and the name of one thing of each kind that older addresses name."""
    run, deployment = seeded.runs["cobalt-heron"], seeded.deployments["nightly-warehouse-load/prod"]
    tasks = client.post("/api/task_runs/filter", json={"flow_runs": {"id": {"any_": [run]}}}).json()
    queue = client.get("/api/work_queues/name/etl").json()["id"]
    flow = client.get(f"/api/deployments/{deployment}").json()["flow_id"]
    return {
        "run": run, "run name": "cobalt-heron", "deployment": deployment, "deployment name": "prod", "queue": queue,
        "queue name": "etl · Work queues", "flow": flow, "flow name": "nightly-warehouse-load", "task": tasks[0]["id"],
        "task name": tasks[0]["name"],
    }  # fmt: skip


@ASKS_NO_DATABASE
def test_what_an_old_address_adds_stays_before_the_part_of_the_page_that_it_leads_to(client: Client) -> None:
    answer = client.get("/notifications/new?a=1", headers=HTML)
    assert answer.headers["location"] == "../notifications?a=1#new"


@pytest.mark.row("UI-02")
def test_what_is_not_there_is_a_page_that_says_so(client: Client) -> None:
    for address in (
        "/runs/0199aaaa-0000-7000-8000-000000000000",
        "/nothing",
        "/static/orion.css",
        "/static/../app.py",
    ):
        answer = client.get(address, headers=HTML)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text and 'placeholder="Name or id of a run' in answer.text


def test_what_an_address_cannot_do_is_said_in_words(client: Client) -> None:
    answer = client.put("/runs", headers=HTML)
    assert answer.status_code == 405
    assert "<h1>Not possible here</h1>" in answer.text and "cannot do what was asked of it" in answer.text


def names(text: str) -> list[str]:
    return re.findall(r'href="\.?\.?/?runs/[^"]+"><b>([^<]+)</b>', text)


@pytest.mark.row("UI-03", "UI-05")
def test_the_query_string_means_the_filters_of_the_api(seen: World) -> None:
    client, seeded = seen
    flow = client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").json()["flow_id"]
    expected = {
        "state=failed": {"cobalt-heron", "dull-anvil"},
        "state=FAILED&state=crashed": {"cobalt-heron", "dull-anvil", "amber-lynx"},
        "state=late": {"close-14-30"},
        "state=cancelled": {"plain-meadow"},
        "q=cobalt-h": {"cobalt-heron"},
        f"q={seeded.runs['cobalt-heron']}": {"cobalt-heron"},
        f"flow={flow}&state=failed": {"cobalt-heron"},
        "tag=gpu&state=running": {"velvet-otter"},
        "queue=finance&state=late": {"close-14-30"},
        f"deployment={seeded.deployments['export-ledger/close']}&state=cancelled": {"plain-meadow"},
    }
    for query, found in expected.items():
        page = client.get(f"/runs?{query}", headers=HTML).text
        assert (query, set(names(page))) == (query, found)
        assert page.count('class="chip"') == query.count("=")
        (kept,) = re.findall(r'href="[^"?]*runs\?([^"]*)"[^>]*>24 h</a>', page)
        assert set(parse_qsl(query)) <= set(parse_qsl(unescape(kept))), (
            "a step to another range keeps all filters"
        )
        assert re.search(r'<a href="[^"?]*runs">Clear</a>', page)


@pytest.mark.row("UI-08")
def test_the_list_says_how_many_match_and_is_sorted_by_its_menu(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = seen
    completed = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    total = client.post("/api/flow_runs/count", json=completed).json()
    with monkeypatch.context() as fewer:
        fewer.setattr("orion.web.pages.runs.PAGE", 10)
        many = client.get("/runs?state=completed", headers=HTML).text
    assert total > 10 and f'role="status">10 of {total} runs<' in many
    shown = {}
    for sort in ("", "oldest", "az", "za"):
        page = client.get(f"/runs?state=failed&state=crashed&state=late&sort={sort}", headers=HTML).text
        assert ">4 runs<" in page and "pager" not in page
        menu = page.partition('<select name="sort"')[2].partition("</select>")[0]
        assert re.findall(r'value="(\w*)"', menu) == ["", "oldest", "az", "za"]
        assert f'value="{sort}" selected' in menu
        shown[sort] = names(page)
    assert shown["az"] == ["amber-lynx", "close-14-30", "cobalt-heron", "dull-anvil"]
    assert shown["za"] == shown["az"][::-1]
    assert shown["oldest"] == shown[""][::-1] and set(shown[""]) == set(shown["az"])
    assert shown[""].index("cobalt-heron") < shown[""].index("amber-lynx"), "14 minutes ago, 51 minutes ago"


def test_nonsense_in_the_query_string_is_the_default(seen: World) -> None:
    client, _ = seen
    for query in (
        "range=x&sort=y&at=z&state=nope&flow=1",
        "start-date=31-02&end-date=",
        "range=7d&at=99999999999",
    ):
        assert client.get(f"/runs?{query}", headers=HTML).status_code == 200
    assert client.get("/runs?after=nonsense", headers=HTML).status_code == 422
    page = client.get("/runs?state=nope&state=!never", headers=HTML).text
    assert 'value="nope"' not in page and "Remove filter" not in page, "no filter is shown that is none"


@pytest.mark.row("UI-26")
def test_what_needs_a_person_stands_first_among_the_counts_and_in_the_list(seen: World) -> None:
    client, _ = seen
    page = client.get("/runs", headers=HTML).text
    strip = page.partition('class="strip"')[2].partition("</div>")[0]
    counts = re.findall(r"</svg>(\w+)</span><b>(\d+)</b>", strip)
    assert counts[:3] == [("Failed", "2"), ("Crashed", "1"), ("Late", "1")]
    first = page.partition('<li class="day">')[2].partition('<li class="day">')[0]
    assert first.startswith("Late <span>1 run not taken in time") and "<em>Late by" in first
    assert 'data-s="late"' in first


@pytest.mark.row("UI-04")
def test_late_and_next_runs_come_first_then_the_newest(seen: World) -> None:
    client, _ = seen
    page = client.get("/runs", headers=HTML).text
    assert names(page)[0] == "close-14-30"
    assert (
        page.index("Upcoming")
        < page.index("velvet-otter")
        < page.index("cobalt-heron")
        < page.index("amber-lynx")
    )


def test_pages_follow_each_other_without_gap_or_double(seen: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = seen
    monkeypatch.setattr("orion.web.pages.runs.PAGE", 7)
    seen: list[str] = []
    address = "/runs?sort=oldest&range=30d"
    while address:
        page = client.get(address, headers={"Accept": "application/json"}).json()
        seen += [row["run"]["id"] for group in page["groups"] for row in group["rows"]]
        address = f"/{page['older']}" if page["older"] else ""
    total = client.post("/api/flow_runs/count", json={}).json()
    ahead = client.post(
        "/api/flow_runs/filter", json={"flow_runs": {"state": {"name": {"any_": ["Scheduled"]}}}}
    ).json()
    assert len(seen) == len(set(seen)) >= total - len(ahead)


@pytest.mark.row("UI-07")
def test_a_row_says_flow_name_tags_state_start_time_and_tasks(seen: World) -> None:
    client, seeded = seen
    page = client.get("/runs?state=failed", headers=HTML).text
    row = page[page.index(f'id="run-{seeded.runs["cobalt-heron"]}"') :]
    for said in (
        "nightly-warehouse-load",
        "cobalt-heron",
        "warehouse",
        "pii",
        'aria-label="Failed"',
        "12/15",
        "<time",
        "customer_id",
    ):
        assert said in row
    ran = client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").json()
    assert ran["start_time"][:19] in row.partition("</li>")[0], "the real start"
    assert f'class="num dur">{duration(ran["total_run_time"])}<' in row.partition("</li>")[0]
    planned = client.get("/runs?state=late", headers=HTML).text
    due = client.get(f"/api/flow_runs/{seeded.runs['close-14-30']}").json()
    assert due["expected_start_time"][:19] in planned.partition(f"run-{due['id']}")[2], "the planned one"


def test_a_run_none_of_whose_tasks_completed_is_a_row_like_any_other(seen: World) -> None:
    client, _ = seen
    assert "0/2" in client.get("/runs?q=dull-anvil", headers=HTML).text


@pytest.mark.row("UI-10", "UI-13")
def test_the_run_page_has_its_tabs_its_side_and_a_small_radar_that_leads_to_the_large_one(
    seen: World,
) -> None:
    client, seeded = seen
    run = client.get(f"/api/flow_runs/{seeded.runs['cobalt-heron']}").json()
    address = f"/runs/{run['id']}"
    page = client.get(address, headers=HTML).text
    tabs = page.partition('aria-label="Run">')[2].partition("</nav>")[0]
    led = {name: where for where, name in re.findall(r'href="\.\./runs/[\w-]+(/?\w*)"[^>]*>([\w ]+)<', tabs)}
    shows = {
        "Overview": "Timeline", "Logs": "Read 412,906 rows", "Task runs": "transform_orders",
        "Subflow runs": "no subflow", "Parameters": f'<td class="mono">{min(run["parameters"])}</td>',
    }  # fmt: skip
    for name, words in shows.items():
        assert words in client.get(address + led[name], headers=HTML).text, name
    details = page.partition('id="details"')[2].partition("</section>")[0]
    assert f'href="../flows/{run["flow_id"]}"' in details
    assert f'href="../deployments/{run["deployment_id"]}"' in details
    assert f"<dt>Duration</dt><dd>{duration(run['total_run_time'])}" in details
    assert re.search(r'class="badge" data-s="failed">.*Failed</span>', page)
    small = page.partition('id="radar"')[2].partition("</section>")[0]
    assert f'href="../runs/{run["id"]}/radar" aria-label="Open radar"' in small
    assert small.count('class="edge') > 10 and small.count("<title>") == 15


def test_the_run_page_tells_what_failed_and_what_it_left_undone(seen: World) -> None:
    client, seeded = seen
    page = client.get(f"/runs/{seeded.runs['cobalt-heron']}", headers=HTML).text
    for said in (
        "transform_orders",
        "failed after 3 attempts",
        "KeyError: &#39;customer_id&#39;",
        "12 tasks finished",
        "Run id",
    ):
        assert said in page
    assert page.count('<svg class="row"') == 15


@pytest.mark.row("UI-12")
def test_the_log_is_searched_and_filtered_on_the_server(seen: World) -> None:
    client, seeded = seen
    log = f"/runs/{seeded.runs['cobalt-heron']}/logs"
    lines = lambda query: client.get(f"{log}?{query}", headers={"Accept": "application/json"}).json()["lines"]  # noqa: E731
    assert {line["level"] for line in lines("level=40")} == {40}
    assert [line["message"] for line in lines("q=412,906 rows in&around=0")] == [
        "Read 412,906 rows in 91.8 s"
    ]
    task = lines("q=412,906 rows in&around=0")[0]["task_run_id"]
    assert {line["task_run_id"] for line in lines(f"task={task}")} == {task}
    for page in (log, log.removesuffix("/logs")):
        drawn = client.get(page, headers=HTML).text.partition('id="log"')[2].partition("</ol>")[0]
        times = re.findall(r'<time datetime="([^"]+)"', drawn)
        assert len(times) > 5 and times == sorted(times), page


def test_the_whole_log_can_be_taken_home(seen: World) -> None:
    client, seeded = seen
    answer = client.get(f"/runs/{seeded.runs['cobalt-heron']}/logs?download=all")
    assert answer.headers["content-disposition"].startswith("attachment")
    total = client.post(
        "/api/logs/filter", json={"logs": {"flow_run_id": {"any_": [seeded.runs["cobalt-heron"]]}}}
    ).json()
    assert sum(line["message"] in answer.text for line in total) == len(total)


HOSTILE = "<script>alert(1)</script>"


def test_hostile_text_stays_text_on_every_page(client: Client) -> None:
    flow = client.post("/api/flows/", json={"name": "plain", "tags": [HOSTILE]}).json()
    deployment = client.post(
        "/api/deployments/",
        json={
            "name": "plain", "flow_id": flow["id"], "description": HOSTILE, "tags": [HOSTILE],
            "entrypoint": HOSTILE, "work_queue_name": "plain", "parameters": {"a": HOSTILE},
            "parameter_openapi_schema": {"properties": {"a": {"type": "string", "description": HOSTILE}}},
        },
    ).json()  # fmt: skip
    failed = {"type": "FAILED", "name": HOSTILE, "message": HOSTILE}
    run = client.post(
        f"/api/deployments/{deployment['id']}/create_flow_run", json={"name": HOSTILE, "tags": [HOSTILE]}
    ).json()
    client.post(f"/api/flow_runs/{run['id']}/set_state", json={"state": failed, "force": True})
    task = client.post(
        "/api/task_runs/",
        json={
            "flow_run_id": run["id"],
            "task_key": HOSTILE,
            "dynamic_key": "0",
            "name": HOSTILE,
            "state": failed,
        },
    ).json()
    line = {
        "name": HOSTILE,
        "level": 40,
        "message": HOSTILE,
        "timestamp": run["created"],
        "flow_run_id": run["id"],
    }
    client.post("/api/logs/", json=[line])
    pages = [
        "/runs",
        "/flows",
        "/deployments",
        f"/search?q={HOSTILE}",
        f"/runs?q={HOSTILE}&tag={HOSTILE}",
    ]
    tabs = ("", "/logs", "/tasks", "/parameters", "/radar", f"/radar?task={task['id']}", "/events")
    pages += [f"/runs/{run['id']}{tab}" for tab in tabs]
    pages += [f"/task-runs/{task['id']}", f"/flows/{flow['id']}", f"/deployments/{deployment['id']}"]
    for address in pages:
        page = client.get(address, headers=HTML)
        assert (address, page.status_code) == (address, 200)
        assert HOSTILE not in page.text, address
        assert "&lt;script&gt;" in page.text, address


def test_every_link_is_relative_so_that_the_console_lives_under_any_prefix(
    seen: World,
) -> None:
    client, seeded = seen
    for address in every_page(client, seeded):
        page = client.get(address, headers=HTML).text
        assert re.findall(r'\b(?:href|src|action|hx-get|hx-post|hx-sse:connect)="(/[^"]*)"', page) == [], (
            address
        )


@pytest.mark.row("UI-21")
def test_the_queue_page_has_the_command_and_says_why_runs_wait(seen: World) -> None:
    client, _ = seen
    queues = {queue["name"]: queue["id"] for queue in client.post("/api/work_queues/filter", json={}).json()}
    page = client.get(f"/queues/{queues['finance']}", headers=HTML).text
    assert "orion agent start finance" in page
    assert "Nobody polls this queue" in page and "Late by" in page


@pytest.mark.row("UI-19")
def test_a_deployment_that_nothing_would_run_is_flagged(seen: World) -> None:
    client, seeded = seen
    page = client.get(f"/deployments/{seeded.deployments['export-ledger/close']}", headers=HTML).text
    assert "Runs would wait: no agent polls finance." in page
    polled = client.get(
        f"/deployments/{seeded.deployments['nightly-warehouse-load/prod']}", headers=HTML
    ).text
    assert "Runs would wait" not in polled, "an agent polls etl"


@pytest.mark.row("UI-19")
def test_a_deployment_that_no_queue_would_pick_up_is_flagged_until_one_does(client: Client) -> None:
    made = makers.deployment(client, tags=["nobody-takes"], work_queue_name=None)
    said = "no work queue would pick up its runs"
    assert f"Runs would wait: {said}." in client.get(f"/deployments/{made['id']}", headers=HTML).text
    assert client.get(f"/api/deployments/{made['id']}/work_queue_check").json() == []
    makers.queue(client, filter={"tags": ["nobody-takes"]})
    assert said not in client.get(f"/deployments/{made['id']}", headers=HTML).text
    assert len(client.get(f"/api/deployments/{made['id']}/work_queue_check").json()) == 1


@pytest.mark.row("UI-24")
def test_settings_hide_secrets_and_remember_the_theme(store: Store, settings: Settings) -> None:
    client = Client(build_app(settings.with_updates({"ORION_API_KEY": "canary-key"}), store, services=False))
    own = {**HTML, "Authorization": "Bearer canary-key"}
    page = client.get("/settings", headers=own).text
    assert "canary-key" not in page
    shown = re.findall(r'<tr><td><span class="mono">(\w+)</span>', page)
    assert shown == [each.name for each in SETTINGS]
    assert f'<dt>Version</dt><dd class="mono">{orion.__version__}</dd>' in page
    assert re.search(
        r'ORION_API_DEFAULT_LIMIT</span>.*?<td class="mono">200</td><td [^>]*>default</td>', page
    )
    assert re.search(r'ORION_API_KEY</span>.*?<td class="mono">[^<]*\*', page)
    values = {
        each["name"]: each["value"]
        for each in client.get("/settings", headers={**own, "Accept": "application/json"}).json()["settings"]
    }
    assert (values["ORION_UI_ENABLED"], values["ORION_DEBUG_MODE"], values["ORION_API_URL"]) == (
        "true",
        "false",
        "",
    )
    assert not {"True", "False", "None"} & set(values.values())
    assert re.search(r'ORION_API_URL</span>.*?<td class="mono"><span class="muted">not set</span></td>', page)
    answer = client.post("/settings/theme", data={"theme": "dark"}, headers=own)
    assert answer.headers["set-cookie"].startswith("theme=dark; Max-Age=31536000")
    dark = client.get("/settings", headers={**own, "Cookie": "theme=dark"}).text
    assert 'data-theme="dark"' in dark
    assert "data-theme" not in client.get("/settings", headers={**own, "Cookie": 'theme="><script>'}).text
    client.close()


def test_times_are_told_in_the_zone_of_the_browser(seen: World) -> None:
    client, seeded = seen
    address = f"/runs/{seeded.runs['cobalt-heron']}"
    told = {
        zone: client.get(address, headers={**HTML, "Cookie": f"tz={zone}"}).text
        for zone in ("Asia/Kolkata", "No/Where")
    }
    assert "Asia/Kolkata" in told["Asia/Kolkata"] and "UTC" in told["No/Where"]
    times = {zone: re.findall(r"<time [^>]*>(\d\d:\d\d:\d\d)</time>", text)[0] for zone, text in told.items()}
    assert times["Asia/Kolkata"] != times["No/Where"]


@pytest.mark.row("UI-28")
def test_without_the_console_only_the_api_answers(store: Store, settings: Settings) -> None:
    bare = settings.with_updates({"ORION_UI_ENABLED": "false"})
    client = Client(build_app(bare, store, services=False))
    assert client.get("/runs", headers=HTML).status_code == 404
    assert client.get("/api/health").json() is True
    client.close()


@pytest.mark.row("UI-28")
@pytest.mark.parametrize("name", ["ORION_UI_API_URL", "PREFECT_UI_API_URL", "PREFECT_ORION_UI_API_URL"])
def test_the_commands_to_copy_name_the_api_that_is_set(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "https://api.example.com/orion/api/")
    client = Client(build_app(load(), sqlite_store, services=False))
    page = client.get("/queues", headers=HTML).text
    client.close()
    assert "https://api.example.com/orion/api" in page and "127.0.0.1:4200/api" not in page


def test_a_run_is_found_by_the_beginning_of_its_id_or_of_its_name_however_old_it_is(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of a name is looked for among the newest runs only: here, the newest one."""
    monkeypatch.setattr("orion.store.console.SEARCHED", 1)
    old = makers.flow_run(client, name="cobalt-heron")
    makers.flow_run(client, name="velvet-heron")

    def hits(q: str) -> list[str]:
        answer = client.get(f"/search?q={q}", headers={"Accept": "application/json"}).json()
        return [hit["name"] for hit in answer["hits"]]

    assert hits(old["id"][:35]) == ["cobalt-heron"]
    assert hits(old["id"][:35].upper()) == ["cobalt-heron"]
    assert hits("cob") == ["cobalt-heron"]
    assert hits("HERON") == ["velvet-heron"]
    assert hits("%25") == [] and hits("never") == []


def test_a_run_or_a_task_without_lines_is_said_to_have_written_none(client: Client) -> None:
    run = makers.flow_run(client)
    task = makers.task_run(client, run["id"], state={"type": "COMPLETED"})
    makers.propose(client, "flow_runs", run["id"], "RUNNING")
    makers.propose(client, "flow_runs", run["id"], "COMPLETED")
    assert "This task wrote no logs." in client.get(f"/task-runs/{task['id']}", headers=HTML).text
    assert "This run wrote no logs." in client.get(f"/runs/{run['id']}/logs", headers=HTML).text
