"""Commands on flows, runs, queues and limits, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orion.cli.api import Api, api
from orion.model.times import utcnow
from orion.sdk.errors import ApiError, Unreachable
from tests.cli.conftest import Orion

pytestmark = pytest.mark.usefixtures("migrated")

Row = dict[str, Any]


@pytest.fixture
def server(orion: Orion) -> Iterator[Api]:
    with api() as opened:
        yield opened


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown as they are here, wherever the machine stands."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def make_run(server: Api) -> Callable[..., Row]:
    """Create a run: `make_run("flow", "run", "RUNNING")`."""

    def make(flow: str, name: str, state: str = "PENDING", **more: Any) -> Row:
        flow_id = server.post("/flows/", {"name": flow})["id"]
        run = server.post("/flow_runs/", {"flow_id": flow_id, "name": name, **more})
        if state != "PENDING":
            body = {"state": {"type": state, "message": f"now {state}"}, "force": True}
            server.post(f"/flow_runs/{run['id']}/set_state", body)
        return dict(server.get(f"/flow_runs/{run['id']}"))

    return make


@pytest.mark.row("CLI-10")
def test_flow_ls_shows_the_newest_first_up_to_its_limit(orion: Orion, server: Api) -> None:
    for number in range(17):
        server.post("/flows/", {"name": f"flow-{number}"})
    lines = orion("flow", "ls").out.splitlines()
    assert [line.split("\t")[1] for line in lines] == [f"flow-{n}" for n in range(16, 1, -1)]
    assert len(orion("flow", "ls", "--limit", "17").out.splitlines()) == 17
    assert [row["name"] for row in orion("flow", "ls", "-l", "1", "-o", "json").json] == ["flow-16"]


def test_a_list_longer_than_a_page_is_fetched_page_by_page(orion: Orion, server: Api) -> None:
    for number in range(205):
        server.post("/flows/", {"name": f"flow-{number}"})
    names = {line.split("\t")[1] for line in orion("flow", "ls", "--limit", "1000").out.splitlines()}
    assert len(names) == 205


def test_a_flow_is_found_by_name_id_and_beginning_of_its_id(orion: Orion, server: Api) -> None:
    flow = server.post("/flows/", {"name": "a name with a #, a ? and ünïcode"})
    for what in (flow["name"], flow["id"], flow["id"].upper(), flow["id"][:-3]):
        assert orion("flow", "inspect", what, "--json").json["id"] == flow["id"]


def test_a_beginning_that_fits_several_is_refused_with_their_ids(orion: Orion, server: Api) -> None:
    ids = [server.post("/flows/", {"name": name})["id"] for name in ("a", "b")]
    error = orion("flow", "inspect", ids[0][:6], code=1).err
    assert "fits several flows" in error and all(id in error for id in ids)


@pytest.mark.row("CLI-11")
def test_flow_run_ls_filters_by_flow_and_state(orion: Orion, make_run: Callable[..., Row]) -> None:
    make_run("etl", "one", "COMPLETED")
    make_run("etl", "two", "FAILED")
    make_run("other", "three", "COMPLETED")

    def names(*args: str) -> list[str]:
        return sorted(line.split("\t")[2] for line in orion("flow-run", "ls", *args).out.splitlines())

    assert names() == ["one", "three", "two"]
    assert names("--flow-name", "etl") == ["one", "two"]
    assert names("--state-type", "completed") == ["one", "three"]
    assert names("--flow-name", "etl", "--flow-name", "other", "--state-type", "FAILED") == ["two"]
    assert names("--state", "Failed") == ["two"]
    assert names("--limit", "1") != names()
    assert "is no state type" in orion("flow-run", "ls", "--state-type", "DONE", code=1).err


@pytest.mark.row("CLI-11")
def test_runs_that_are_planned_for_later_hide_no_others(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    flow = server.post("/flows/", {"name": "etl"})["id"]
    for days in (3, 9):
        due = {"type": "SCHEDULED", "state_details": {"scheduled_time": utcnow() + timedelta(days=days)}}
        server.post("/flow_runs/", {"flow_id": flow, "name": f"in {days}", "state": due})

    def names(*args: str) -> list[str]:
        return [row["name"] for row in orion("flow-run", "ls", *args, "--json").json]

    assert "2 runs are planned: --upcoming shows them" in orion("flow-run", "ls").err
    make_run("etl", "done", "COMPLETED")
    assert (names(), names("--upcoming")) == (["done"], ["in 3", "in 9"])
    assert names("--state", "scheduled") == ["in 9", "in 3"]


@pytest.mark.row("CLI-11")
def test_flow_run_ls_shows_flow_name_state_and_age(orion: Orion, make_run: Callable[..., Row]) -> None:
    run = make_run("etl", "one", "COMPLETED")
    cells = orion("flow-run", "ls").out.strip().split("\t")
    assert cells[:4] == [run["id"], "etl", "one", "Completed"]
    assert cells[4] == "now" or cells[4].endswith("ago")


@pytest.mark.row("CLI-11")
def test_flow_run_inspect_shows_the_state_and_its_message(orion: Orion, make_run: Callable[..., Row]) -> None:
    run = make_run("etl", "one", "FAILED", parameters={"year": 2012})
    text = orion("flow-run", "inspect", "one").out
    assert "now FAILED" in text and '{"year": 2012}' in text and "etl" in text
    assert orion("flow-run", "inspect", run["id"], "--json").json["state"]["type"] == "FAILED"


def test_flow_run_why_names_the_cause_and_the_command(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    flow = server.post("/flows/", {"name": "hello"})
    made = server.post("/deployments/", {"name": "dev", "flow_id": flow["id"], "work_queue_name": "etl"})
    run = server.post(f"/deployments/{made['id']}/create_flow_run", {"name": "waits"})
    said = orion("flow-run", "why", "waits").out
    assert "x No agent has ever polled etl" in said and "orion agent start etl" in said
    assert "No agent has ever polled etl" in orion("flow-run", "inspect", "waits").out
    assert orion("flow-run", "why", run["id"], "--json").json["causes"][0]["kind"] == "time"
    make_run("hello", "done", "COMPLETED")
    assert "it waits for nothing" in orion("flow-run", "why", "done").out


@pytest.mark.row("CLI-11")
def test_flow_run_delete(orion: Orion, make_run: Callable[..., Row]) -> None:
    run = make_run("etl", "one")
    orion("flow-run", "delete", run["id"])
    assert f"There is no flow run '{run['id']}'" in orion("flow-run", "delete", run["id"], code=1).err


def test_runs_of_one_name_are_told_apart_by_id(orion: Orion, make_run: Callable[..., Row]) -> None:
    ids = [make_run("etl", "same")["id"] for _ in range(2)]
    error = orion("flow-run", "inspect", "same", code=1).err
    assert all(id in error for id in ids)


@pytest.mark.row("CLI-11")
def test_cancelling_a_run_that_has_not_begun_ends_it(orion: Orion, make_run: Callable[..., Row]) -> None:
    run = make_run("etl", "one", "SCHEDULED")
    assert "is Cancelled" in orion("flow-run", "cancel", run["id"]).out


@pytest.mark.row("CLI-11")
def test_cancelling_a_running_run_asks_its_process_to_end(orion: Orion, make_run: Callable[..., Row]) -> None:
    make_run("etl", "one", "RUNNING")
    assert "is Cancelling" in orion("flow-run", "cancel", "one").out


@pytest.mark.row("CLI-11")
def test_cancelling_a_finished_run_is_refused_with_the_reason(
    orion: Orion, make_run: Callable[..., Row]
) -> None:
    make_run("etl", "one", "COMPLETED")
    answer = orion("flow-run", "cancel", "one", code=1)
    assert answer.err.startswith("Run 'one' (Completed) was not cancelled: ")
    assert orion("flow-run", "inspect", "one", "--json").json["state_type"] == "COMPLETED"


@pytest.mark.row("CLI-11")
def test_retry_is_for_finished_runs_of_deployments(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    flow_id = server.post("/flows/", {"name": "etl"})["id"]
    deployment = server.post("/deployments/", {"name": "d", "flow_id": flow_id})["id"]
    make_run("etl", "deployed", "FAILED", deployment_id=deployment)
    make_run("etl", "by hand", "FAILED")
    assert "is AwaitingRetry" in orion("flow-run", "retry", "deployed").out
    assert "was not retried" in orion("flow-run", "retry", "by hand", code=1).err
    stored = {"type": "COMPLETED", "data": {"type": "literal", "value": 1}}
    done = make_run("etl", "done", deployment_id=deployment)
    server.post(f"/flow_runs/{done['id']}/set_state", {"state": stored, "force": True})
    refused = orion("flow-run", "retry", "done", code=1)
    assert "Run 'done' (Completed) was not retried: This run has already completed" in refused.err


@pytest.mark.row("CLI-11")
def test_several_runs_are_changed_at_once_and_a_refusal_keeps_nobody_waiting(
    orion: Orion, make_run: Callable[..., Row]
) -> None:
    runs = {name: make_run("etl", name, state) for name, state in (("a", "SCHEDULED"), ("b", "SCHEDULED"))}
    make_run("etl", "done", "COMPLETED")
    answer = orion("flow-run", "cancel", "a", "done", runs["b"]["id"], code=1)
    assert answer.out == "Run 'a' is Cancelled.\nRun 'b' is Cancelled.\n"
    assert answer.err.startswith("Run 'done' (Completed) was not cancelled: ") and answer.err.count("\n") == 1


@pytest.mark.row("CLI-11")
def test_runs_are_chosen_by_flow_and_state_and_somebody_is_asked(
    orion: Orion, make_run: Callable[..., Row]
) -> None:
    for number in range(3):
        make_run("etl", f"bad {number}", "FAILED")
    make_run("etl", "good", "COMPLETED")
    make_run("other", "bad too", "FAILED")
    choice = ("--flow-name", "etl", "--state-type", "failed")
    assert "Delete 3 runs? Nobody to ask here: add --yes." in orion("flow-run", "delete", *choice, code=2).err
    assert orion("flow-run", "delete", *choice, "-l", "2", "--yes").out.count("Deleted run") == 2
    assert orion("flow-run", "delete", *choice, "--yes").out.count("Deleted run") == 1
    assert "There is no such run." in orion("flow-run", "delete", *choice, "--yes").err
    assert len(orion("flow-run", "ls", "--json").json) == 2
    for wrong in ((), ("good", "--state", "Failed")):
        assert "Name runs, or choose them by" in orion("flow-run", "delete", *wrong, code=None).err


def add_logs(server: Api, run: Row, count: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        {
            "name": "orion.flow_runs",
            "level": 40 if number % 10 == 9 else 20,
            "message": f"line {number}",
            "timestamp": start + timedelta(milliseconds=number),
            "flow_run_id": run["id"],
        }
        for number in range(count)
    ]
    server.post("/logs/", lines)


def messages(text: str) -> list[str]:
    return [line.rpartition("  ")[2] for line in text.splitlines()]


@pytest.mark.row("CLI-11")
def test_logs_are_shown_in_order_over_pages(
    orion: Orion, server: Api, make_run: Callable[..., Row], in_utc: None
) -> None:
    run = make_run("etl", "one", "COMPLETED")
    add_logs(server, run, 450)
    everything = [f"line {number}" for number in range(450)]
    assert messages(orion("flow-run", "logs", "one").out) == everything
    assert messages(orion("flow-run", "logs", "one", "--head", "-n", "3").out) == everything[:3]
    assert messages(orion("flow-run", "logs", "one", "--tail", "-n", "3").out) == everything[-3:]
    assert messages(orion("flow-run", "logs", "one", "--reverse").out) == everything[::-1]
    assert len(orion("flow-run", "logs", "one", "--json").json) == 450
    first = orion("flow-run", "logs", "one").out.splitlines()[9]
    assert first == "2026-01-01 00:00:00.009 ERROR    orion.flow_runs  line 9"


def test_logs_are_narrowed_to_a_level_and_a_text(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    run = make_run("etl", "one", "COMPLETED")
    add_logs(server, run, 30)
    assert messages(orion("flow-run", "logs", "one", "--level", "error").out) == [
        "line 9",
        "line 19",
        "line 29",
    ]
    assert messages(orion("flow-run", "logs", "one", "--grep", "line 19").out) == ["line 19"]
    assert messages(orion("flow-run", "logs", "one", "--follow", "--level", "40").out)[0] == "line 9"
    assert "no log level" in orion("flow-run", "logs", "one", "--level", "loud", code=None).err


@pytest.mark.row("CLI-11")
def test_following_a_finished_run_ends_after_its_last_line(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    run = make_run("etl", "one", "FAILED")
    add_logs(server, run, 230)
    assert len(messages(orion("flow-run", "logs", "one", "--follow").out)) == 230
    watched = orion("flow-run", "watch", "one", code=1).out
    assert watched.endswith("Run 'one' ended as Failed: now FAILED.\n") and "line 229" in watched


@pytest.mark.row("CLI-11")
def test_following_shows_lines_as_they_come(server: Api, make_run: Callable[..., Row]) -> None:
    """The run writes a line, then ends, between two looks."""
    from orion.cli import logs

    run = make_run("etl", "one", "RUNNING")
    seen: list[str] = []
    steps = iter((lambda: add_logs(server, run, 1), lambda: finish(server, run)))

    def next_step(_: float) -> None:
        seen.append("looked")
        next(steps)()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.time, "sleep", next_step)
        patch.setattr(logs, "print_lines", lambda lines: seen.extend(line["message"] for line in lines))
        logs.follow_logs(server, run["id"])
    assert seen == ["looked", "line 0", "looked"]


@pytest.mark.row("CLI-11")
def test_following_shows_a_line_that_comes_late_and_none_twice(
    server: Api, make_run: Callable[..., Row], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second process sends its batch after newer lines were printed; many lines have one moment."""
    from orion.cli import logs

    run = make_run("etl", "one", "RUNNING")
    now = utcnow()

    def write(after: float, *texts: str) -> None:
        line = {
            "name": "n",
            "level": 20,
            "flow_run_id": run["id"],
            "timestamp": now + timedelta(seconds=after),
        }
        server.post("/logs/", [{**line, "message": text} for text in texts])

    same = [f"same {number}" for number in range(430)]
    write(0, "first")
    write(2, "newer")
    steps = iter((lambda: write(1, "late"), lambda: write(3, *same), lambda: finish(server, run)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.time, "sleep", lambda _: next(steps)())
        logs.follow_logs(server, run["id"])
    seen = messages(capsys.readouterr().out)
    assert (seen[:3], sorted(seen[3:])) == (["first", "newer", "late"], sorted(same))


def test_following_waits_for_a_server_that_is_away(
    server: Api, make_run: Callable[..., Row], capsys: pytest.CaptureFixture[str]
) -> None:
    from orion.cli import logs

    run = make_run("etl", "one", "COMPLETED")
    add_logs(server, run, 1)
    away = [Unreachable(), ApiError("no", status=503)]

    class Flaky(Api):
        def get(self, path: str) -> Any:
            if away:
                raise away.pop()
            return super().get(path)

    logs.follow_logs(Flaky(server.client), run["id"], pause=0)
    told = capsys.readouterr()
    assert messages(told.out) == ["line 0"] and told.err.count("waiting until it is back") == 1


def finish(server: Api, run: Row) -> None:
    server.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "COMPLETED"}, "force": True})


@pytest.mark.row("CLI-12")
def test_a_work_queue_through_its_life(orion: Orion) -> None:
    assert (
        "orion agent start -q etl" in orion("work-queue", "create", "etl", "-l", "3", "-t", "nightly").out
    )
    refused = orion("work-queue", "create", "a/b", code=1).err
    assert refused == "body.name: a name has none of / % & > < in it\n"
    shown = orion("work-queue", "inspect", "etl", "--json").json
    assert (shown["concurrency_limit"], shown["filter"]["tags"]) == (3, ["nightly"])
    orion("work-queue", "set-concurrency-limit", "etl", "7")
    orion("work-queue", "pause", shown["id"])
    assert orion("work-queue", "ls").out.split("\t")[2:4] == ["7", "paused"]
    orion("work-queue", "resume", "etl")
    orion("work-queue", "clear-concurrency-limit", "etl")
    after = orion("work-queue", "inspect", "etl", "--json").json
    assert (after["is_paused"], after["concurrency_limit"]) == (False, None)
    assert "nightly" in orion("work-queue", "ls", "-v").out
    orion("work-queue", "delete", "etl")
    assert orion("work-queue", "ls").out == ""


def test_a_work_queue_serves_deployments_and_has_a_priority(orion: Orion, server: Api) -> None:
    flow = server.post("/flows/", {"name": "f"})["id"]
    made = server.post("/deployments/", {"name": "d", "flow_id": flow, "work_queue_name": "first"})["id"]
    orion("work-queue", "create", "of-d", "--deployment", "f/d", "-t", "a", "-p", "7")
    shown = orion("work-queue", "inspect", "of-d", "--json").json
    assert (shown["filter"], shown["priority"]) == ({"tags": ["a"], "deployment_ids": [made]}, 7)
    assert "has the priority 2" in orion("work-queue", "set-priority", "of-d", "2").out
    assert orion("work-queue", "inspect", "of-d", "--json").json["priority"] == 2
    assert (
        "There is no deployment 'f/x'"
        in orion("work-queue", "create", "q", "--deployment", "f/x", code=1).err
    )
    assert [line.split("\t")[5] for line in orion("work-queue", "ls", "-v").out.splitlines()] == ["1", "2"]


@pytest.mark.row("CLI-12")
def test_preview_shows_what_is_coming_and_takes_nothing(
    orion: Orion, server: Api, make_run: Callable[..., Row]
) -> None:
    orion("work-queue", "create", "etl")
    soon, late = (datetime.now(UTC) + timedelta(hours=hours) for hours in (0.5, 40))
    for name, when in (("soon", soon), ("late", late)):
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": when}}
        flow = server.post("/flows/", {"name": "f"})["id"]
        deployment = server.post("/deployments/", {"name": "d", "flow_id": flow})["id"]
        body = {
            "flow_id": flow,
            "name": name,
            "state": state,
            "work_queue_name": "etl",
            "deployment_id": deployment,
        }
        server.post("/flow_runs/", body)
    for _ in range(2):
        assert [run["name"] for run in orion("work-queue", "preview", "etl", "--json").json] == ["soon"]
    shown = orion("work-queue", "preview", "etl", "-h", "48").out.splitlines()
    assert [line.split("\t")[3] for line in shown] == ["f/d", "f/d"]
    assert orion("work-queue", "inspect", "etl", "--json").json["last_polled"] is None
    for number in range(15):
        server.post("/flow_runs/", {**body, "name": f"more-{number}"})
    assert len(orion("work-queue", "preview", "etl", "-h", "48").out.splitlines()) == 17


@pytest.mark.row("CLI-12")
def test_a_taken_name_and_an_unknown_queue_are_refused(orion: Orion) -> None:
    orion("work-queue", "create", "etl")
    assert orion("work-queue", "create", "etl", code=1).err.count("\n") == 1
    assert "There is no work queue 'nope'" in orion("work-queue", "pause", "nope", code=1).err


@pytest.mark.row("CLI-06")
def test_a_concurrency_limit_through_its_life(orion: Orion, server: Api) -> None:
    orion("concurrency-limit", "create", "database", "3")
    orion("concurrency-limit", "create", "a/b", "0")
    assert orion("concurrency-limit", "inspect", "database", "--json").json["concurrency_limit"] == 3
    assert orion("concurrency-limit", "read", "a/b", "--json").json["concurrency_limit"] == 0
    assert len(orion("concurrency-limit", "ls").out.splitlines()) == 2
    assert len(orion("concurrency-limit", "ls", "--offset", "1").out.splitlines()) == 1
    assert len(orion("concurrency-limit", "ls", "--limit", "1").out.splitlines()) == 1
    for number in range(16):
        server.post("/concurrency_limits/", {"tag": f"tag {number}", "concurrency_limit": 1})
    assert len(orion("concurrency-limit", "ls").out.splitlines()) == 15
    orion("concurrency-limit", "delete", "a/b")
    assert "no limit for the tag 'a/b'" in orion("concurrency-limit", "delete", "a/b", code=1).err


def test_a_terminal_gets_a_table_with_headings(
    orion: Orion, server: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    server.post("/flows/", {"name": "etl"})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    heading, row = orion("flow", "ls").out.splitlines()
    assert heading.split() == ["ID", "Name", "Created"]
    assert row.index("etl") == heading.index("Name")
