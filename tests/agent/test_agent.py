"""The agent against a real server: it claims, starts, watches and reports."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orion.agent import Agent, Api, Options, Refusal, Unavailable, _advice, options_from
from orion.model.times import iso, utcnow
from tests.agent.house import House, Start
from tests.servers import CHECKOUT, eventually


@pytest.mark.row("AG-05")
@pytest.mark.row("INF-04")
def test_a_run_that_is_due_is_claimed_and_started_in_a_process(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    start()
    eventually(lambda: house.state(run)[0] == "COMPLETED")
    assert house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
    assert house.get(f"/flow_runs/{run}")["infrastructure_pid"].startswith(os.uname().nodename + ":")


def test_a_run_made_while_the_agent_waits_is_taken_at_once(house: House, start: Start) -> None:
    deployment = house.deploy()
    agent = start()
    eventually(lambda: house.get("/work_queues/name/default")["last_polled"])
    asked = utcnow()
    run = house.run(deployment)
    eventually(lambda: "PENDING" in house.states(run))
    assert utcnow() - asked < timedelta(seconds=5)
    eventually(lambda: house.state(run)[0] == "COMPLETED")
    assert agent.stop() == 0


@pytest.mark.row("AG-05")
def test_a_claim_whose_answer_was_lost_is_asked_for_again_and_holds(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, call = [], Api.call

    async def lossy(self: Api, method: str, path: str, body: Any = None, *rest: Any, **more: Any) -> Any:
        answer = await call(self, method, path, body, *rest, **more)
        if path.endswith("/set_state") and not lost:
            lost.append(answer.json()["status"])
            raise Unavailable("the answer was lost")
        return answer

    monkeypatch.setattr(Api, "call", lossy)
    run = house.run(house.deploy())
    start()
    eventually(lambda: house.state(run)[0] == "COMPLETED")
    assert lost == ["ACCEPT"] and house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.row("INF-01")
def test_the_environment_of_a_deployment_comes_before_that_of_the_agent(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "of the agent")
    monkeypatch.setenv("TZ", "of the agent")
    house.run(house.deploy(job_variables={"env": {"TERM": "of the deployment"}}))
    code = f"""
        open("{tmp_path}/seen", "w").write(os.environ["TERM"] + ", " + os.environ["TZ"])
        enter("RUNNING")
        enter("COMPLETED")
    """
    assert start(code, once=True).wait() == 0
    assert (tmp_path / "seen").read_text() == "of the deployment, of the agent"


@pytest.mark.row("AG-05")
@pytest.mark.parametrize("status", ["REJECT", "WAIT", "ABORT"])
def test_a_claim_that_is_answered_by_anything_but_pending_starts_nothing(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    call = Api.call

    async def refusing(self: Api, method: str, path: str, *rest: Any, **more: Any) -> httpx.Response:
        if path.endswith("/set_state"):
            state = {"type": "SCHEDULED", "name": "Scheduled"}
            body = {"status": status, "state": state, "details": {"reason": "not now", "delay_seconds": 1}}
            return httpx.Response(200, json=body, headers={"Orion-Attempt": "token"})
        return await call(self, method, path, *rest, **more)

    monkeypatch.setattr(Api, "call", refusing)
    run = house.run(house.deploy())
    assert start(once=True).wait() == 0
    assert house.states(run) == ["SCHEDULED"] and house.get(f"/flow_runs/{run}")["infrastructure_pid"] is None


@pytest.mark.row("AG-08")
def test_of_many_agents_one_starts_a_run(house: House, start: Start) -> None:
    deployment = house.deploy()
    for _ in range(3):
        start()
    runs = [house.run(deployment) for _ in range(6)]
    for run in runs:
        eventually(lambda run=run: house.state(run)[0] == "COMPLETED")
        assert house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.row("AG-04")
def test_a_run_is_fetched_ahead_of_its_time_and_does_not_start_before_it(house: House, start: Start) -> None:
    deployment, due = house.deploy(), utcnow() + timedelta(seconds=4)
    soon, later = (
        house.run(
            deployment, state={"type": "SCHEDULED", "state_details": {"scheduled_time": iso(due + wait)}}
        )
        for wait in (timedelta(), timedelta(seconds=14))
    )
    agent = start(
        "import time\nwhile enter('RUNNING')['status'] == 'WAIT': time.sleep(0.05)\nenter('COMPLETED')",
        prefetch=20,
    )
    eventually(lambda: agent.agent and later in agent.agent.taken)
    eventually(lambda: house.state(soon)[0] == "COMPLETED")
    assert house.get(f"/flow_runs/{soon}")["start_time"] >= iso(due - timedelta(seconds=1))
    assert house.states(later) == ["SCHEDULED"]


def test_an_address_without_an_api_is_told_as_such_and_not_as_a_missing_queue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = httpx.Request("GET", "http://127.0.0.1:4200/work_queues/name/q")
    page = httpx.Response(404, html="<!doctype html>", request=asked)
    missing = httpx.Response(404, json={"detail": "Work queue not found"}, request=asked)
    assert "is no API of orion: does the address end with /api?" in _advice("q", Refusal(page), "http://x")
    assert "There is no work queue 'q'" in _advice("q", Refusal(missing), "http://x/api")
    with pytest.raises(SystemExit):
        options_from(["q", "--api", "foo"], {})
    assert "must be like http://127.0.0.1:4200/api, not 'foo'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"json": {"detail": "storage is full"}}, "the server answered 503: storage is full"),
        ({"json": ["?"]}, "the server answered 503"),
        ({"html": "<p>Busy</p>"}, "the server answered 503"),
    ],
)
def test_why_a_server_does_not_serve_is_told_where_it_says_so(answer: dict[str, Any], told: str) -> None:
    async def ask() -> None:
        api = Api(Options())
        await api.http.aclose()
        sent = httpx.MockTransport(lambda request: httpx.Response(503, **answer))
        api.http = httpx.AsyncClient(base_url="http://x", transport=sent)
        with pytest.raises(Unavailable) as away:
            await api.call("GET", "/flows")
        assert str(away.value) == told

    asyncio.run(ask())


@pytest.mark.row("AG-01")
def test_an_unknown_queue_is_named_and_polled_until_it_is_there(
    house: House, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "orion.agent")
    start()
    eventually(lambda: "There is no work queue 'default'" in caplog.text)
    run = house.run(house.deploy())
    eventually(lambda: house.state(run)[0] == "COMPLETED")
    assert "Runs are asked for again." in caplog.text


@pytest.mark.row("AG-01")
def test_a_queue_can_be_named_by_its_id(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    start(queues=(house.get("/work_queues/name/default")["id"],))
    eventually(lambda: house.state(run)[0] == "COMPLETED")


@pytest.mark.row("AG-02")
def test_tags_make_a_queue_of_their_own(house: House, start: Start) -> None:
    deployment = house.deploy(work_queue_name=None)
    both = house.run(deployment, tags=["b", "a", "c"])
    one = house.run(deployment, tags=["a"])
    start(queues=(), tags=("b", "a"))
    eventually(lambda: house.state(both)[0] == "COMPLETED")
    assert house.get("/work_queues/name/Agent%20queue%20a-b")["filter"]["tags"] == ["a", "b"]
    assert house.state(one)[0] == "SCHEDULED"


@pytest.mark.row("AG-02")
def test_agents_with_the_same_tags_share_a_queue_although_both_would_have_made_it(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = house.run(house.deploy(work_queue_name=None), tags=["a", "b"])
    call = Api.call

    async def another_first(
        self: Api, method: str, path: str, body: Any = None, *rest: Any, **more: Any
    ) -> Any:
        if (method, path) == ("POST", "/work_queues/"):
            await call(self, method, path, body)
        return await call(self, method, path, body, *rest, **more)

    monkeypatch.setattr(Api, "call", another_first)
    assert start(queues=(), tags=("b", "a"), once=True).wait() == 0
    assert house.state(run)[0] == "COMPLETED"
    monkeypatch.undo()
    again = house.run(house.deploy(work_queue_name=None), tags=["a", "b"])
    assert start(queues=(), tags=("a", "b"), once=True).wait() == 0
    assert house.state(again)[0] == "COMPLETED"
    assert [found["name"] for found in house.post("/work_queues/filter", {})] == ["Agent queue a-b"]


def test_a_prefix_stands_for_every_queue_that_begins_so(house: House, start: Start) -> None:
    run = house.run(house.deploy(work_queue_name="etl-nightly"))
    start(queues=(), prefixes=("etl-",))
    eventually(lambda: house.state(run)[0] == "COMPLETED")


def test_a_prefix_stands_for_any_number_of_queues(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.agent.PAGE", 2)
    runs = [house.run(house.deploy(name, work_queue_name=f"etl-{name}")) for name in "abcde"]
    assert start(queues=(), prefixes=("etl-",), once=True).wait() == 0
    assert {house.state(run)[0] for run in runs} == {"COMPLETED"}


def test_the_environment_says_how_long_a_poll_waits_at_most_as_long_as_a_server_lets_it() -> None:
    assert options_from(["etl"], {}).poll == 25
    assert options_from(["etl"], {"ORION_AGENT_POLL_SECONDS": "5"}).poll == 5
    assert options_from(["etl"], {"ORION_AGENT_POLL_SECONDS": "90"}).poll == 30


@pytest.mark.row("AG-04")
def test_runs_are_looked_for_as_far_ahead_as_the_option_or_the_setting_says(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert options_from(["etl"], {}).prefetch == Options().prefetch == 10
    assert options_from(["etl"], {"ORION_AGENT_PREFETCH_SECONDS": "5"}).prefetch == 5
    assert options_from(["etl", "--prefetch", "7"], {"ORION_AGENT_PREFETCH_SECONDS": "5"}).prefetch == 7
    asked: list[float] = []
    call = Api.call

    async def noted(self: Api, method: str, path: str, body: Any = None, *rest: Any, **more: Any) -> Any:
        if path.endswith("/get_runs"):
            asked.append((datetime.fromisoformat(body["scheduled_before"]) - self.now()).total_seconds())
        return await call(self, method, path, body, *rest, **more)

    monkeypatch.setattr(Api, "call", noted)
    house.deploy()
    start(prefetch=15)
    eventually(lambda: asked)
    assert 10 < asked[0] <= 15


@pytest.mark.row("WQ-04")
def test_a_paused_queue_serves_nothing_and_the_agent_says_so(
    house: House, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "orion.agent")
    run = house.run(house.deploy())
    queue = house.get("/work_queues/name/default")["id"]
    house.http.patch(f"/work_queues/{queue}", json={"is_paused": True})
    assert start(once=True).wait() == 0
    assert "is paused" in caplog.text
    assert house.states(run) == ["SCHEDULED"]


def test_no_more_than_the_limit_run_at_once(house: House, start: Start, tmp_path: Path) -> None:
    deployment = house.deploy()
    runs = [house.run(deployment) for _ in range(4)]
    code = f"""
        import glob
        mine = "{tmp_path}/live-" + os.environ["ORION__FLOW_RUN_ID"]
        open(mine, "w").close()
        enter("RUNNING")
        time.sleep(0.3)
        open("{tmp_path}/most", "a").write(str(len(glob.glob("{tmp_path}/live-*"))) + "\\n")
        os.remove(mine)
        enter("COMPLETED")
    """
    start(code, limit=2)
    for run in runs:
        eventually(lambda run=run: house.state(run)[0] == "COMPLETED")
    seen = [int(line) for line in (tmp_path / "most").read_text().split()]
    assert len(seen) == 4 and max(seen) <= 2


def test_an_agent_says_now_and_then_that_it_is_well(
    house: House, start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "orion.agent")
    monkeypatch.setattr("orion.agent.HEALTH_SECONDS", 0.05)
    house.run(house.deploy())
    start()
    eventually(lambda: "Healthy: 0 running, 1 finished; last answer " in caplog.text)
    assert "has not answered" not in caplog.text
    monkeypatch.setattr("orion.agent.SILENT_SECONDS", 0.0)
    eventually(lambda: re.search(r"The server has not answered for \d+ s: 0 running, 1 finished\.", caplog.text))


@pytest.mark.parametrize("once", [False, True])
def test_where_there_is_little_room_the_queue_of_the_lower_priority_number_goes_first(
    house: House, start: Start, once: bool
) -> None:
    for name, priority in (("low", 2), ("high", 1)):
        house.post("/work_queues/", {"name": name, "priority": priority})
    low, high = (house.deploy(name, work_queue_name=name) for name in ("low", "high"))
    runs = [house.run(of, name=name) for name, of in zip("abcd", (low, high, low, high), strict=True)]
    code = f"""
        enter("RUNNING")
        if call("GET", "/flow_runs/" + os.environ["ORION__FLOW_RUN_ID"])["name"] == "a":
            body = {{"state": {{"type": "SCHEDULED"}}, "name": "e"}}
            call("POST", "/deployments/{high}/create_flow_run", body)
        enter("COMPLETED")
    """
    start(code, queues=("low", "high"), limit=1, once=once)
    eventually(lambda: [house.state(run)[0] for run in runs] == ["COMPLETED"] * 4)
    done = {"sort": "START_TIME_ASC", "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    ended = eventually(lambda: len(found := house.post("/flow_runs/filter", done)) == 5 and found)
    assert [run["name"] for run in ended] == ["b", "d", "a", "e", "c"]


@pytest.mark.parametrize("how", [{"once": True, "limit": 1}, {"until_idle": True}])
def test_an_agent_that_drains_a_queue_stops_when_it_is_told_to(
    house: House, start: Start, how: dict[str, Any]
) -> None:
    deployment = house.deploy()
    first, second = house.run(deployment), house.run(deployment)
    agent = start("enter('RUNNING'); time.sleep(300)", **how)
    busy = (first,) if "limit" in how else (first, second)
    eventually(lambda: {house.state(run)[0] for run in busy} == {"RUNNING"})
    agent.stop()
    assert {house.state(run)[0] for run in busy} == {"CRASHED"}
    assert house.state(second)[0] == ("SCHEDULED" if "limit" in how else "CRASHED")


def test_once_takes_what_is_due_and_leaves(house: House, start: Start) -> None:
    deployment = house.deploy()
    due = [house.run(deployment) for _ in range(12)]
    later = {"type": "SCHEDULED", "state_details": {"scheduled_time": iso(utcnow() + timedelta(hours=1))}}
    not_due = house.run(deployment, state=later)
    assert start(once=True).wait() == 0
    assert {house.state(run)[0] for run in due} == {"COMPLETED"}
    assert house.state(not_due)[0] == "SCHEDULED"


def test_once_takes_what_is_due_by_the_servers_clock(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The date in an answer of a busy server may be some seconds old."""
    monkeypatch.setattr(Api, "now", lambda self: utcnow() - timedelta(seconds=30))
    monkeypatch.setattr("orion.agent.Agent._seconds_until", lambda self, run: 0.0)
    run = house.run(house.deploy())
    assert start(once=True).wait() == 0
    assert house.state(run)[0] == "COMPLETED"


def test_until_idle_also_takes_what_becomes_due_meanwhile(house: House, start: Start) -> None:
    deployment = house.deploy()
    first = house.run(deployment, name="first")
    code = f"""
        enter("RUNNING")
        if call("GET", "/flow_runs/" + os.environ["ORION__FLOW_RUN_ID"])["name"] == "first":
            body = {{"state": {{"type": "SCHEDULED"}}, "name": "second"}}
            call("POST", "/deployments/{deployment}/create_flow_run", body)
        enter("COMPLETED")
    """
    assert start(code, until_idle=True).wait() == 0
    assert house.state(first)[0] == "COMPLETED"
    (second,) = house.post("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["second"]}}})
    assert second["state_type"] == "COMPLETED"


def test_a_server_that_is_away_is_told_once_however_many_queues_ask_it(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    running = start(queues=("a", "b", "c"), api="http://127.0.0.1:9/api")
    eventually(lambda: running.agent and len(running.agent.said) == 3)
    assert running.stop() == 0
    assert [record.message for record in caplog.records if "is away" in record.message] == [
        *set(running.agent.said.values())  # type: ignore[union-attr]
    ]
    assert "names another one" not in caplog.text


def test_an_agent_whose_server_never_answered_does_not_call_itself_well(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that nobody has named its address is said: it may be another."""
    caplog.set_level("INFO", "orion.agent")
    monkeypatch.setattr(Options, "api", "http://127.0.0.1:9/api")
    running = start(api=Options.api)
    eventually(lambda: "failed. ORION_API_URL or --api names another one." in caplog.text)
    assert running.stop() == 0
    assert "Healthy" not in caplog.text


def test_once_fails_when_a_run_crashed_the_queue_is_unknown_or_the_server_away(
    house: House, start: Start
) -> None:
    run = house.run(house.deploy())
    assert start("enter('RUNNING'); sys.exit(3)", once=True).wait() == 1
    assert house.state(run)[0] == "CRASHED"
    house.run(house.deploy())
    assert start("enter('RUNNING'); enter('CRASHED')", once=True).wait() == 1
    house.run(house.deploy())
    assert start("enter('RUNNING'); enter('FAILED')", once=True).wait() == 0
    assert start(once=True, queues=("nowhere",)).wait() == 1
    assert start(once=True, api="http://127.0.0.1:9/api").wait() == 1


@pytest.mark.row("INF-01")
def test_a_flow_gets_a_clean_environment_and_a_folder_of_its_own(
    house: House, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("ORION_ADMIN_KEY", "canary")
    monkeypatch.setenv("ORION_DATABASE_URL", "sqlite:///canary")
    monkeypatch.setenv("ORION_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("PASSED_ON", "yes")
    run = house.run(house.deploy(job_variables={"env": {"CITY": "Seattle", "YEAR": 2012}}))
    code = f"""
        json.dump([dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid()], open("{tmp_path}/seen.json", "w"))
        enter("RUNNING"); enter("COMPLETED")
    """
    assert start(code, once=True, passed=("PASSED_ON",), key="orion_secret").wait() == 0
    environ, folder, own_session = json.loads((tmp_path / "seen.json").read_text())
    assert "canary" not in json.dumps(environ)
    assert environ["ORION__FLOW_RUN_ID"] == environ["PREFECT__FLOW_RUN_ID"] == run
    assert environ["ORION_API_KEY"] == "orion_secret" and environ["ORION_API_URL"] == house.api
    assert (environ["CITY"], environ["YEAR"], environ["PASSED_ON"]) == ("Seattle", "2012", "yes")
    assert environ["ORION_LOGGING_LEVEL"] == "DEBUG" and environ["PATH"]
    assert run in folder and not os.path.exists(folder) and own_session


@pytest.mark.row("INF-01")
def test_the_output_of_a_flow_is_passed_on(
    house: House, start: Start, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    house.run(house.deploy())
    code = "enter('RUNNING'); print('to out'); print('to err', file=sys.stderr); enter('COMPLETED')"
    assert start(code, once=True).wait() == 0
    assert b"to out\nto err\n" in capfdbinary.readouterr().out


@pytest.mark.row("AG-06")
def test_a_run_whose_process_cannot_be_started_has_crashed(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    assert start(once=True, command=("/nowhere/python",)).wait() == 1
    kind, message = house.state(run)
    assert kind == "CRASHED" and "/nowhere/python" in message


@pytest.mark.row("AG-06")
def test_a_run_whose_deployment_is_gone_when_it_starts_has_crashed(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, not when its lease ends."""
    deployment, real = house.deploy(), Agent._job_variables

    async def late(self: Agent, run: dict[str, Any]) -> dict[str, Any]:
        await self.api.call("DELETE", f"/deployments/{deployment}")
        return await real(self, run)

    monkeypatch.setattr(Agent, "_job_variables", late)
    run = house.run(deployment)
    assert start(once=True).wait() == 1
    kind, message = house.state(run)
    assert kind == "CRASHED" and "Deployment not found" in message


@pytest.mark.row("AG-09")
@pytest.mark.parametrize(("whose", "adopted"), [("its", True), ("another's", False)])
def test_a_process_that_got_the_number_of_another_runs_is_not_adopted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, whose: str, adopted: bool
) -> None:
    (tmp_path / "output.log").touch()
    monkeypatch.setattr("orion.agent._folder_of", lambda run_id: str(tmp_path))
    monkeypatch.setattr("orion.agent._environment_of", lambda pid: {"ORION__FLOW_RUN_ID": whose})

    async def adopt() -> int:
        agent = Agent(Options(queues=("q",)))
        agent._adopt_process({"id": "its", "name": "a", "infrastructure_pid": f"{agent.host}:4321"})
        tasks = [*agent.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await agent.api.http.aclose()
        return len(tasks)

    assert asyncio.run(adopt()) == adopted


@pytest.mark.row("AG-06")
def test_an_agent_that_is_a_file_alone_says_what_a_container_needs(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "orion.blocks.infrastructure", None)  # as where orion is not installed
    run = house.run(house.deploy(job_variables={"type": "docker-container", "image": "flows:1"}))
    assert start(once=True).wait() == 1
    kind, message = house.state(run)
    assert kind == "CRASHED" and "need orion-server beside it" in message


@pytest.mark.row("AG-06")
@pytest.mark.parametrize("is_alone", [True, False])
def test_an_agent_that_is_a_file_alone_says_what_a_process_needs(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch, is_alone: bool
) -> None:
    """Unless its Python finds orion, or the deployment names another Python or path."""
    monkeypatch.setattr("orion.agent._checkout", lambda: None)
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if is_alone else real(name))
    given = ({}, {"command": [sys.executable, "-c", "pass"]}, {"env": {"PYTHONPATH": str(CHECKOUT)}})
    runs = [house.run(house.deploy(str(n), job_variables=each)) for n, each in enumerate(given)]
    assert start(once=True, command=Options.command).wait() == 1
    told = ["install orion-server there, or name a Python" in (house.state(run)[1] or "") for run in runs]
    assert told == [is_alone, False, False]


def test_a_name_is_never_a_command(house: House, start: Start, tmp_path: Path) -> None:
    evil = f"; touch {tmp_path}/owned; $(touch {tmp_path}/owned) `touch {tmp_path}/owned` --flag"
    deployment = house.deploy(entrypoint=f"../../x.py:f{evil}", job_variables={"env": {"X": evil}})
    run = house.run(deployment, name=evil)
    assert start(once=True).wait() == 0
    assert house.state(run)[0] == "COMPLETED"
    assert not (tmp_path / "owned").exists()


@pytest.mark.row("AG-06")
@pytest.mark.parametrize(
    ("headers", "fields", "reason"),
    [
        ({"User-Agent": "prefect/2.20.20 (API 0.8.4)"}, {}, "prefect/2.20.20 (API 0.8.4), but this agent"),
        ({}, {"job_variables": {"working_dir": "/no/such/folder"}}, "/no/such/folder"),
    ],
)
def test_a_deployment_that_this_agent_cannot_run_says_why(
    house: House, start: Start, headers: dict[str, str], fields: dict[str, object], reason: str
) -> None:
    house.http.headers.update(headers)
    run = house.run(house.deploy(**fields))
    assert start(once=True).wait() == 1
    kind, message = house.state(run)
    assert kind == "CRASHED" and reason in message
