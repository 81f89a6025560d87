"""How runs end that do not end by themselves: killed, cancelled, fenced, or left by their agent."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from orion.agent import _locked
from tests.agent.house import House, Start
from tests.servers import eventually

FOREVER = "\nenter('RUNNING')\nwhile True: time.sleep(0.1)"


def pid_of(house: House, run: str) -> int:
    return int((house.get(f"/flow_runs/{run}")["infrastructure_pid"] or ":0").split(":")[1])


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may go between opening and reading
        return False


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("enter('RUNNING'); os._exit(7)", "exit code 7"),
        ("enter('RUNNING'); os._exit(0)", "exit code 0"),
        (
            "enter('RUNNING'); os.kill(os.getpid(), signal.SIGKILL)",
            "killed by SIGKILL, often the system out of memory",
        ),
        ("enter('RUNNING'); os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("raise SystemExit('no such module')", "exit code 1"),
    ],
)
def test_a_process_that_dies_leaves_a_crashed_run_with_its_last_words(
    house: House, start: Start, code: str, message: str
) -> None:
    run = house.run(house.deploy())
    agent = start(f"print('last words', flush=True)\n{code}")
    eventually(lambda: house.state(run)[0] == "CRASHED")
    assert message in house.state(run)[1]
    eventually(lambda: "last words" in house.logs(run))
    agent.stop()


def test_a_run_whose_process_is_killed_before_it_begins_is_handed_out_again_three_times(
    house: House, start: Start
) -> None:
    run = house.run(house.deploy())
    agent = start("os.kill(os.getpid(), signal.SIGKILL)")
    for number in range(1, 4):
        eventually(lambda n=number: house.states(run).count("CRASHED") == n)
        house.post("/admin/clock/run", {})
    assert house.states(run) == ["SCHEDULED", "PENDING", "CRASHED"] * 3
    agent.stop()


def test_a_run_that_closed_itself_is_left_as_it_is(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    assert start("enter('RUNNING'); enter('FAILED'); sys.exit(1)", once=True).wait() == 0
    assert house.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "FAILED"]
    assert house.logs(run) == []


def cancel(house: House, run: str) -> None:
    house.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orion.agent.BEAT_SECONDS", 0.2)


@pytest.mark.usefixtures("quick_beats")
@pytest.mark.parametrize("code", [FOREVER, "\nenter('RUNNING')\nwhile True: pass"])
def test_a_cancelled_run_is_told_to_end(house: House, start: Start, code: str) -> None:
    run = house.run(house.deploy())
    start(code)
    eventually(lambda: house.state(run)[0] == "RUNNING")
    cancel(house, run)
    eventually(lambda: house.state(run)[0] == "CANCELLED")
    assert "SIGTERM" in house.state(run)[1]


@pytest.mark.usefixtures("quick_beats")
def test_a_cancelled_run_that_will_not_end_is_killed_with_all_its_children(
    house: House, start: Start, tmp_path: Path
) -> None:
    run = house.run(house.deploy())
    code = f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        children = []
        while len(children) < 200 and 0 not in children: children.append(os.fork())
        if 0 not in children:
            open("{tmp_path}/pids", "w").write(" ".join(map(str, children)))
            enter("RUNNING")
        while True: time.sleep(1)
    """
    start(code, grace=0.5)
    eventually(lambda: house.state(run)[0] == "RUNNING")
    pids = [pid_of(house, run), *map(int, (tmp_path / "pids").read_text().split())]
    assert len(pids) == 201 and all(map(is_alive, pids))
    cancel(house, run)
    eventually(lambda: house.state(run)[0] == "CANCELLED")
    assert "did not end within 0.5 s of SIGTERM and was killed by SIGKILL" in house.state(run)[1]
    eventually(lambda: not any(map(is_alive, pids)))


@pytest.mark.usefixtures("quick_beats")
def test_a_process_whose_run_belongs_to_another_attempt_is_stopped(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    start(FOREVER)
    eventually(lambda: house.state(run)[0] == "RUNNING" and pid_of(house, run))
    pid = pid_of(house, run)
    forced = {"state": {"type": "SCHEDULED"}, "force": True}
    house.http.post("/work_queues/filter", json={})
    queue = house.get("/work_queues/name/default")["id"]
    house.http.patch(f"/work_queues/{queue}", json={"is_paused": True})
    house.post(f"/flow_runs/{run}/set_state", forced)
    body = {"state": {"type": "PENDING"}}
    house.http.post(f"/flow_runs/{run}/set_state", json=body, headers={"Orion-Attempt": "new"})
    eventually(lambda: not is_alive(pid))
    assert house.state(run)[0] == "PENDING"


@pytest.mark.usefixtures("quick_beats")
def test_a_process_whose_run_is_deleted_is_stopped(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    start(FOREVER)
    eventually(lambda: house.state(run)[0] == "RUNNING" and pid_of(house, run))
    pid = pid_of(house, run)
    assert house.http.delete(f"/flow_runs/{run}").status_code == 204
    eventually(lambda: not is_alive(pid))


def test_an_agent_that_is_stopped_takes_its_runs_along_and_says_so(house: House, start: Start) -> None:
    deployment = house.deploy()
    runs = [house.run(deployment) for _ in range(2)]
    agent = start(FOREVER)
    for run in runs:
        eventually(lambda run=run: house.state(run)[0] == "RUNNING" and pid_of(house, run))
    pids = [pid_of(house, run) for run in runs]
    assert agent.stop() == 0
    assert not any(map(is_alive, pids))
    for run in runs:
        kind, message = house.state(run)
        assert kind == "CRASHED" and "its agent was stopped" in message


def test_an_agent_that_is_stopped_twice_ends_at_once(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    agent = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)" + FOREVER)
    eventually(lambda: house.state(run)[0] == "RUNNING")
    assert agent.agent is not None
    agent.loop.call_soon_threadsafe(agent.agent.stop)
    agent.stop()
    assert house.state(run)[0] == "CRASHED" and "SIGKILL" in house.state(run)[1]


def test_a_run_fetched_but_not_started_is_left_to_others_when_the_agent_stops(
    house: House, start: Start
) -> None:
    from datetime import timedelta

    from orion.model.times import iso, utcnow

    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": iso(utcnow() + timedelta(seconds=18))}}
    run = house.run(house.deploy(), state=state)
    agent = start(prefetch=20)
    eventually(lambda: agent.agent and run in agent.agent.taken)
    assert agent.stop() == 0
    assert house.states(run) == ["SCHEDULED"]


def test_the_clock_of_a_short_answer_counts_and_that_of_a_long_poll_does_not() -> None:
    from orion.agent import Api, Options

    api = Api(Options())
    api._set_clock("Fri, 01 Jan 2100 00:00:00 GMT")
    assert api.now().year == 2100
    api._set_clock(None)
    assert api.now().year == 2100


def test_a_process_is_watched_by_one_agent_and_comes_free_with_it(tmp_path: Path) -> None:
    from orion.agent import Child, _environment_of

    assert _environment_of(os.getpid()).get("PATH") and _environment_of(2**22 + 1) == {}
    first, second = (Child("run", "name", None, 1, str(tmp_path / "folder")) for _ in range(2))
    (tmp_path / "folder").mkdir()
    assert first.hold() and not second.hold()
    first.let_go()
    assert not (tmp_path / "folder").exists()
    (tmp_path / "folder").mkdir()
    assert second.hold()


def test_what_killed_agents_left_behind_goes_after_a_day(
    house: House, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("orion-old-x", "orion-new-x", "orion-held-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "output.log").touch()
    held = _locked(str(tmp_path / "orion-held-x" / "output.log"))
    for name in ("orion-old-x", "orion-held-x"):
        os.utime(tmp_path / name / "output.log", (0, 0))
    start()
    eventually(lambda: not (tmp_path / "orion-old-x").exists())
    assert held is not None and (tmp_path / "orion-new-x").exists() and (tmp_path / "orion-held-x").exists()
    os.close(held)


def test_limits_are_set_on_the_process(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    code = """
        import resource
        while resource.getrlimit(resource.RLIMIT_AS)[0] < 0: time.sleep(0.01)
        print("limit", resource.getrlimit(resource.RLIMIT_AS)[0] >> 20, flush=True)
        enter("RUNNING")
        block = bytearray(3 << 30)
    """
    start(code, memory_mb=2048, processes=4096)
    eventually(lambda: house.state(run)[0] == "CRASHED")
    eventually(lambda: "limit 2048" in house.logs(run))
    assert any(re.search("MemoryError", line) for line in house.logs(run))


def test_lines_that_reached_the_logs_are_not_sent_again(house: House, start: Start) -> None:
    run = house.run(house.deploy())
    code = """
        entry = {"name": "flow", "level": 20, "message": "sent", "timestamp": "2026-01-01T00:00:00Z"}
        entry["flow_run_id"] = os.environ["ORION__FLOW_RUN_ID"]
        data = json.dumps([entry]).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(os.environ["ORION_API_URL"] + "/logs/", data, headers))
        print("12:00:00 | INFO | sent", flush=True)
        print("not sent", flush=True)
        enter("RUNNING")
        os._exit(1)
    """
    assert start(code, once=True).wait() == 1
    assert sorted(house.logs(run)) == ["not sent", "sent"]


def test_what_is_wrong_with_a_queue_is_said_once(
    house: House, start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.agent.MISSING_SECONDS", 0.02)
    agent = start()
    eventually(lambda: agent.agent and "There is no work queue" in caplog.text)
    run = house.run(house.deploy())
    eventually(lambda: house.state(run)[0] == "COMPLETED")
    assert caplog.text.count("There is no work queue") == 1
