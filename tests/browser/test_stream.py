"""The live stream on the wire: what a page hears, and that a broken connection goes on without gap or double."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from orion.model.logs import LogCreate
from orion.model.times import utcnow
from orion.store import console as reads
from orion.store import logs
from orion.store.task_runs import of_flow_run as tasks_of
from tests.browser.conftest import Console

Message = dict[str, str]


def listen(console: Console, query: str, **headers: str) -> Iterator[Message]:
    """The messages of the stream: field to value, the lines of `data` joined."""
    with httpx.stream("GET", f"{console.url}/events?{query}", headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        message: Message = {}
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field:
                message[field] = message[field] + "\n" + value if field in message else value
            elif message:
                yield message
                message = {}


def heard(console: Console, query: str, words: str, **headers: str) -> list[Message]:
    """The messages up to and with the first that holds `words`."""
    found: list[Message] = []
    for message in listen(console, query, **headers):
        found.append(message)
        if words in message.get("data", ""):
            break
    return found


def say(console: Console, run_id: str, messages: list[str]) -> None:
    lines = [
        LogCreate(name="orion.flow_runs", level=20, message=each, timestamp=utcnow(), flow_run_id=run_id)
        for each in messages
    ]
    console.store.write_now(logs.insert, lines, utcnow())


@pytest.mark.row("UI-09")
def test_a_broken_connection_goes_on_after_the_last_line_it_had(console: Console) -> None:
    run = console.seeded.runs["velvet-otter"]
    before = console.store.read_now(reads.newest_log, run)
    say(console, run, ["first", "second"])
    first = heard(console, f"topics=log:{run}&after={before}", "second")
    assert [("first" in m["data"], "second" in m["data"]) for m in first if "data" in m] == [(True, True)]
    say(console, run, ["third"])
    again = heard(console, f"topics=log:{run}&after={before}", "third", **{"Last-Event-ID": first[-1]["id"]})
    told = "".join(message.get("data", "") for message in again)
    assert "third" in told and "first" not in told and "second" not in told


def test_a_flood_is_cut_and_says_how_many_lines_are_missing(console: Console) -> None:
    run = console.seeded.runs["quiet-harbour"]
    before = console.store.read_now(reads.newest_log, run)
    say(console, run, [f"line {number}" for number in range(2500)])
    told = heard(console, f"topics=log:{run}&after={before}", "lines skipped")
    assert "1,500 lines skipped" in told[-1]["data"]
    assert sum(message.get("data", "").count("<li") for message in told[:-1]) == 1000


def test_a_page_that_follows_one_task_hears_only_its_lines(console: Console) -> None:
    run = console.seeded.runs["velvet-otter"]
    before = console.store.read_now(reads.newest_log, run)
    task = console.store.read_now(tasks_of, run)[0].id
    say(console, run, ["of the flow"])
    line = LogCreate(
        name="t", level=20, message="of the task", timestamp=utcnow(), flow_run_id=run, task_run_id=task
    )
    console.store.write_now(logs.insert, [line], utcnow())
    told = heard(console, f"topics=log:{run}&task={task}&after={before}", "of the task")
    assert "of the flow" not in "".join(message.get("data", "") for message in told)


def test_the_stream_of_an_ended_run_says_so_and_ends(console: Console) -> None:
    run = console.seeded.runs["cobalt-heron"]
    assert list(listen(console, f"topics=run:{run}&told=0"))[-1]["event"] == "done"


def test_a_page_rendered_before_a_change_is_told_to_ask_again(console: Console) -> None:
    stream = listen(console, "topics=runs,queues,nonsense&told=0")
    assert [next(stream).get("event") for _ in range(3)] == [None, "queues", "runs"]
