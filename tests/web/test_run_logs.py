"""The log page: stretches of a long log, lines around a match, links to a line, colours, lines of a megabyte."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from orion.model.times import iso
from orion.web.ansi import LONGEST, message, plain
from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML

JSON = {"Accept": "application/json"}
RED, OFF = "\x1b[31m", "\x1b[0m"


def logged(client: Client, clock: Clock, *messages: str, errors: tuple[int, ...] = ()) -> str:
    run = makers.running_flow_run(client)["id"]
    for start in range(0, len(messages), 500):
        batch = [
            {
                "name": "t",
                "level": 40 if number in errors else 20,
                "message": text,
                "timestamp": iso(clock.now + timedelta(milliseconds=number)),
                "flow_run_id": run,
            }
            for number, text in enumerate(messages[start : start + 500], start)
        ]
        assert client.post("/api/logs/", json=batch).status_code == 201
    return str(run)


def page(client: Client, address: str) -> Any:
    return client.get(address, headers=JSON).json()


def told(data: Any) -> list[str]:
    return [line["message"] for line in data["lines"]]


def test_a_long_log_is_read_stretch_by_stretch_without_gap_or_double(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.web.pages.run_logs.MOST", 8)
    run = logged(client, clock, *(f"line {n}" for n in range(20)), errors=(3, 12))
    last = page(client, f"/runs/{run}/logs")
    assert told(last) == [f"line {n}" for n in range(12, 20)] and last["later"] is None
    before = page(client, "/" + last["earlier"])
    assert told(before) == [f"line {n}" for n in range(4, 12)]
    assert told(page(client, "/" + before["earlier"])) == [f"line {n}" for n in range(4)]
    assert told(page(client, "/" + before["later"])) == [f"line {n}" for n in range(12, 20)]
    error = client.get(f"/runs/{run}/logs?jump=error", headers=HTML)
    where = re.search(r"line=([0-9a-f-]{36})#L\1$", error.headers["location"])
    assert error.status_code == 303 and where
    around = page(client, f"/runs/{run}/logs?line={where[1]}")
    assert told(around) == [f"line {n}" for n in range(8)] and around["context"] == [where[1]]
    assert client.get(f"/runs/{run}/logs?line={makers.UNKNOWN}", headers=HTML).status_code == 404


def test_a_search_shows_the_lines_around_each_match_once(client: Client, clock: Clock) -> None:
    run = logged(client, clock, *(f"line {n}" if n not in (5, 7, 20) else f"needle {n}" for n in range(30)))
    data = page(client, f"/runs/{run}/logs?q=NEEDLE")
    numbers = [int(text.split()[1]) for text in told(data)]
    assert numbers == [*range(2, 11), *range(17, 24)]
    assert data["matched"] == 3 and len(data["context"]) == 3 and data["around"] == len(numbers) - 3
    html = client.get(f"/runs/{run}/logs?q=NEEDLE", headers=HTML).text
    assert html.count("<mark>needle</mark>") == 3 and html.count(" ctx") == len(numbers) - 3
    assert told(page(client, f"/runs/{run}/logs?q=needle&around=0")) == ["needle 5", "needle 7", "needle 20"]
    shown = client.get(f"/runs/{run}/logs?q=needle&download=shown").text
    assert shown.count("\n") == 3 and "needle 20" in shown


def test_a_line_of_a_megabyte_is_cut_on_the_page_and_whole_in_its_download(
    client: Client, clock: Clock
) -> None:
    run = logged(client, clock, "a" * 999_000)
    answer = client.get(f"/runs/{run}/logs", headers=HTML).text
    assert len(answer) < 60_000 and f"{999_000 - LONGEST:,} more letters" in answer
    line = page(client, f"/runs/{run}/logs")["lines"][0]["id"]
    whole = client.get(f"/runs/{run}/logs?line={line}&download=line")
    assert whole.text == "a" * 999_000 and "attachment" in whole.headers["content-disposition"]


def test_a_run_without_errors_says_so(client: Client, clock: Clock) -> None:
    run = logged(client, clock, "fine")
    answer = client.get(f"/runs/{run}/logs?jump=error", headers=HTML)
    assert answer.headers["location"].endswith("/logs") and "no%20error" in answer.headers["set-cookie"]


def test_colours_of_the_terminal_become_classes_and_nothing_else_does() -> None:
    assert message(f"a {RED}b{OFF} c") == 'a <span class="an-red">b</span> c'
    assert message("\x1b[1;92mok\x1b[22m!\x1b[39m.") == (
        '<span class="an-bold an-green">ok</span><span class="an-green">!</span>.'
    )
    assert message("\x1b[38;5;200mx\x1b[48;2;1;2;3my\x1b[2K\x1b]0;title\x07z") == "xyz"
    assert message(f"{RED}<b>&{OFF}") == '<span class="an-red">&lt;b&gt;&amp;</span>'
    assert message("a<b", "<") == "a<mark>&lt;</mark>b"
    assert message("\x1b[999999999999mx\x1b") == "x\x1b"
    assert plain(f"a {RED}b{OFF}") == "a b"
