"""When the API is away: the run goes on, and what it has to say arrives afterwards, in order and once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from orion import flow, get_run_logger, task
from orion.model.states import StateCreate
from orion.model.task_runs import TaskRunCreate
from orion.sdk import flow_endings, flow_engine, session
from orion.sdk import outbox as outboxes
from orion.sdk.client import SyncClient
from orion.sdk.connection import Connection
from orion.sdk.errors import Unreachable
from orion.sdk.exchange import Message, Patience, Response, Transport, Unanswered
from orion.sdk.journal import Journal, entries, folder
from orion.sdk.outbox import Outbox
from orion.settings import current, temporary_settings
from tests.ports import held_port
from tests.sdk.conftest import Served

ROOT = Path(__file__).parents[2]


def test_a_run_outlives_a_restart_of_its_server(tmp_path: Path, sqlite_url: str) -> None:
    from orion.web.factory import build_app

    @task
    def work(n: int) -> int:
        get_run_logger().info("line %s", n)
        return n

    own = {"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": sqlite_url, "ORION_API_URL": None}
    with temporary_settings(own), held_port() as port:
        first = Served(build_app(current(), services=True), port)
        second: list[Served] = []

        def come_back() -> None:
            time.sleep(0.7)
            second.append(Served(build_app(current(), services=True), port))

        @flow
        def run() -> int:
            total = work(0)
            first.stop()
            back = threading.Thread(target=come_back)
            back.start()
            for n in range(1, 5):
                total += work(n)
            back.join()
            return total

        with temporary_settings({"ORION_API_URL": first.url}):
            assert run() == 10
            session.close_all()
            with SyncClient() as client:
                assert {r.state_type for r in client.read_task_runs()} == {"COMPLETED"}
                assert [r.state_type for r in client.read_flow_runs()] == ["COMPLETED"]
                texts = [line.message for line in client.read_logs() if line.message.startswith("line")]
                assert texts == [f"line {n}" for n in range(5)]
        second[0].stop()


def made(flow_run_id: str, number: int) -> TaskRunCreate:
    return TaskRunCreate(name=f"t-{number}", task_key="t", dynamic_key=str(number), flow_run_id=flow_run_id)


def flow_run_of(client: SyncClient) -> str:
    from orion.model.flow_runs import FlowRunCreate

    flow = client.create_flow("journaled")
    run = client.create_flow_run(FlowRunCreate(flow_id=flow.id))
    client.set_flow_run_state(run.id, StateCreate(type="RUNNING"))
    return str(run.id)


class Nowhere:
    def send(self, message: Message) -> Response:
        raise Unanswered("nobody is there")

    def close(self) -> None: ...


class Away(Connection):
    """A server that cannot be reached."""

    def transport(self) -> Transport:
        return Nowhere()


def test_states_that_could_not_be_sent_are_kept_and_sent_by_the_next_outbox(sqlite_server: Served) -> None:
    with SyncClient() as client:
        run = flow_run_of(client)
    broken = Outbox(SyncClient(Away(sqlite_server.url), Patience(0)))
    broken.add(made(run, 1), StateCreate(type="COMPLETED"))
    assert broken.flush(10)
    assert isinstance(broken.failure, Unreachable)
    broken.close(10)
    kept = list(folder().glob("*.journal"))
    assert len(kept) == 1 and len(entries(kept[0])) == 1
    with SyncClient() as client:
        mended = Outbox(client)
        mended.add(made(run, 2), StateCreate(type="FAILED"))
        assert mended.close(10)
        found = {r.name: r.state_type for r in client.read_task_runs()}
        assert found == {"t-1": "COMPLETED", "t-2": "FAILED"}
    assert list(folder().glob("*.journal")) == []


def test_a_journal_of_a_living_process_is_left_alone_and_a_cut_line_is_left_out(home: Path) -> None:
    from orion.sdk.journal import left_behind

    journal = Journal("http://a/api")
    journal.write(b"one")
    journal.write(b"two")
    assert list(left_behind("http://a/api")) == []
    os.truncate(journal.path, journal.path.stat().st_size - 2)
    journal.close(keep=True)
    assert list(left_behind("http://other/api")) == []
    ((path, found),) = left_behind("http://a/api")
    assert (path, [entry for _, entry in found]) == (journal.path, [b"one"])


def test_a_killed_process_leaves_its_final_states_to_the_next(sqlite_server: Served, tmp_path: Path) -> None:
    script = (
        "import os, signal\nfrom orion import flow, task\nfrom orion.sdk import outbox\noutbox.LINGER = 60\n"
        "@task\ndef t(x): return x\n@flow\ndef f():\n    t(1)\n    os.kill(os.getpid(), signal.SIGKILL)\nf()\n"
    )
    environ = {
        "ORION_HOME": str(current().home), "ORION_API_URL": sqlite_server.url, "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    killed = subprocess.run([sys.executable, "-c", script], env=environ, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with SyncClient() as client:
        assert [r.state_type for r in client.read_task_runs()] == ["RUNNING"]
        next_one = Outbox(client)
        next_one.add(made(flow_run_of(client), 1), StateCreate(type="COMPLETED"))
        next_one.close(10)
        assert {r.state_type for r in client.read_task_runs()} == {"COMPLETED"}


def test_finals_leave_in_one_batch_with_their_age(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    monkeypatch.setattr(outboxes, "LINGER", 60)  # or a machine that stands still meanwhile makes two of it

    class Post:
        class connection:
            identity = "http://a/api"

        sent: list[list[dict]] = []

        def send(self, request: object) -> None:
            self.sent.append(msgspec.json.decode(request.body))  # type: ignore[attr-defined]

    post = Post()
    outbox = Outbox(post)  # type: ignore[arg-type]
    for number in range(3):
        outbox.add(
            made("00000000-0000-7000-8000-000000000001", number), StateCreate(type="COMPLETED"), token="tok"
        )
    time.sleep(0.02)
    assert outbox.close(10)
    (batch,) = post.sent
    assert [line["task_run"]["dynamic_key"] for line in batch] == ["0", "1", "2"]
    ages = [line["states"][0]["age"] for line in batch]
    assert ages == sorted(ages, reverse=True) and ages[-1] >= 0.02
    assert {line["token"] for line in batch} == {"tok"}


INTERRUPT = (
    "async def t():\n    import asyncio, os, signal, time\n    os.kill(os.getpid(), signal.SIGINT)\n    "
)


@pytest.mark.row("ENG-17")
@pytest.mark.parametrize(
    ("body", "says", "code"),
    [
        ("raise KeyboardInterrupt", "interrupted (SIGINT, Ctrl+C)", -2),
        ("raise SystemExit(4)", "SystemExit(4)", 4),
        (
            "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
            "terminated by SIGTERM",
            143,
        ),
        (
            INTERRUPT
            + "await asyncio.sleep(120)\n@flow\nasync def f(): await t()\nimport asyncio; asyncio.run(f())",
            "SIGINT",
            -2,
        ),
        (
            INTERRUPT.replace("async ", "") + "time.sleep(120)\n@flow\ndef f(): t.submit().wait()\nf()",
            "SIGINT",
            -2,
        ),
    ],
)
def test_a_process_that_leaves_ends_its_runs_as_crashed(
    tmp_path: Path, body: str, says: str, code: int
) -> None:
    rest = body if "@flow" in body else f"def t(): {body}\n@flow\ndef f(): t()\nf()"
    script = f"from orion import flow, task\n@task\n{rest}\n"
    environ = {"ORION_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", script], env=environ, timeout=60, capture_output=True)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    with temporary_settings(
        {"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": f"sqlite:///{tmp_path}/orion.db"}
    ):
        with SyncClient() as client:
            runs = [*client.read_flow_runs(), *client.read_task_runs()]
            assert [run.state_type for run in runs] == ["CRASHED", "CRASHED"]
            assert all(says in run.state.message for run in runs)
        from orion.sdk import ephemeral

        ephemeral.unmount(current())


LATE = """
import os, signal, time
from orion import flow
from orion.sdk.client import SyncClient

real = SyncClient.set_flow_run_state

def set_flow_run_state(self, run_id, state, *args, **kw):
    if state.type != "{kind}" or len(told) > 0:
        return real(self, run_id, state, *args, **kw)
    told.append(state)
    answer = real(self, run_id, state, *args, **kw) if {heard} else None
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

told = []
SyncClient.set_flow_run_state = set_flow_run_state

@flow(retries={retries}, on_completion=[lambda flow, run, state: print("hook", state.type)])
def f():
    if "{kind}" == "FAILED":
        raise ValueError("no")

f()
"""


@pytest.mark.row("ENG-17")
@pytest.mark.parametrize(
    ("kind", "heard", "retries", "end"),
    [
        ("COMPLETED", True, 0, "COMPLETED"),
        ("COMPLETED", False, 0, "COMPLETED"),
        ("FAILED", True, 0, "FAILED"),
        ("FAILED", True, 1, "CRASHED"),
    ],
)
def test_an_end_that_is_told_stands_whatever_tears_the_run_down_then(
    tmp_path: Path, kind: str, heard: bool, retries: int, end: str
) -> None:
    """Also when its answer is lost; one that another try follows is no end."""
    script = LATE.format(kind=kind, heard=heard, retries=retries)
    environ = {"ORION_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", script], env=environ, timeout=60, capture_output=True)
    assert done.returncode == 143, done.stderr
    assert (b"hook COMPLETED" in done.stdout) is (end == "COMPLETED")
    with closing(sqlite3.connect(tmp_path / "orion.db")) as database:
        states = [kind for (kind,) in database.execute("SELECT type FROM flow_run_state ORDER BY timestamp, id")]
    assert states[-1] == end and states.count(kind) == (0 if end == "CRASHED" else 1)


@pytest.mark.row("ENG-17")
def test_a_cancelled_coroutine_crashes_its_run(home: Path) -> None:
    import asyncio

    begun = asyncio.Event()

    @flow
    async def run() -> None:
        begun.set()
        await asyncio.sleep(60)

    async def main() -> None:
        running = asyncio.create_task(run())  # type: ignore[arg-type]
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    with SyncClient() as client:
        (found,) = client.read_flow_runs()
    assert (found.state_type, found.state.message) == (
        "CRASHED",
        "The flow run was cancelled by its event loop.",
    )


@pytest.mark.row("ENG-17")
def test_a_lost_api_ends_the_flow_with_its_own_words(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LAST_WORDS", Patience(0.1))
    monkeypatch.setattr(flow_endings, "CRASH_FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(flow_engine, "CRASH_FLUSH_SECONDS", 0.1)
    from orion.web.factory import build_app

    @task
    def work() -> None: ...

    own = {"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": sqlite_url, "ORION_API_URL": None}
    with temporary_settings({**own, "ORION_API_RETRY_SECONDS": 0.2}):
        served = Served(build_app(current(), services=True))

        @flow
        def run() -> None:
            served.stop()
            work()

        with temporary_settings({"ORION_API_URL": served.url}):
            with pytest.raises(Unreachable, match="cannot be reached"):
                run()
            session.close_all(timeout=0.1)


@pytest.mark.row("ENG-03")
@pytest.mark.row("ENG-04")
def test_answers_are_obeyed() -> None:
    from datetime import UTC, datetime, timedelta

    from orion.model.states import ResultDetails
    from orion.sdk.answers import Answer
    from orion.sdk.effects import Effect, Sleep
    from orion.sdk.errors import Abort
    from orion.sdk.proposals import propose
    from orion.sdk.states import Running, Scheduled, State

    class Here:
        class outbox:
            is_waiting = False

    def told(status: str, state: State | None, **details: object) -> Answer:
        kind = f"{status.lower()}_details"
        return Answer(state=state, status=status, details=ResultDetails(type=kind, **details))  # type: ignore[arg-type]

    def play(*answers: Answer) -> tuple[list[float], object]:
        """The pauses that were made, and the outcome."""
        asked: list[StateCreate] = []
        turns = iter(answers)
        steps = propose(Here, lambda wanted: asked.append(wanted) or Effect(), Running())  # type: ignore[arg-type, func-returns-value]
        pauses: list[float] = []
        effect = next(steps)
        try:
            while True:
                if isinstance(effect, Sleep):
                    pauses.append(effect.seconds)
                    effect = steps.send(None)
                else:
                    effect = steps.send(next(turns))
        except StopIteration as stop:
            ids = [wanted.details.transition_id for wanted in asked]
            assert len(set(ids)) == len(ids) == len(answers)
            return pauses, stop.value

    running, later = Running(), Scheduled(datetime.now(UTC) + timedelta(seconds=60))
    assert play(told("ACCEPT", running)) == ([], running)
    assert play(told("REJECT", later)) == ([], later)
    pauses, outcome = play(told("WAIT", running, delay_seconds=30), told("ACCEPT", running))
    assert (pauses, outcome) == ([30.0], running)
    least = (later.state_details.scheduled_time - datetime.now(UTC)).total_seconds()
    pauses, _ = play(told("WAIT", later, delay_seconds=60), told("ACCEPT", running))
    most, least = least, (later.state_details.scheduled_time - datetime.now(UTC)).total_seconds()
    assert least <= pauses[0] <= most <= 60
    with pytest.raises(Abort, match="no more"):
        play(told("ABORT", running, reason="no more"))
