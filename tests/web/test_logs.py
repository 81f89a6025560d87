"""Logs over HTTP."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.web.browser import Client
from tests.web.makers import UNKNOWN, flow


def line(message: str = "hello", **fields: Any) -> dict[str, Any]:
    base = {"name": "orion.flow_runs", "level": 20, "message": message, "timestamp": "2026-11-22T10:00:00Z"}
    return {**base, "flow_run_id": UNKNOWN, "task_run_id": None, **fields}


def texts(client: Client, **body: Any) -> list[str]:
    answer = client.post("/api/logs/filter", json=body)
    assert answer.status_code == 200, answer.text
    return [row["message"] for row in answer.json()]


def test_a_batch_is_kept_and_answered_with_nothing(client: Client) -> None:
    answer = client.post("/api/logs/", json=[line("one"), line("two", level=40)])
    assert (answer.status_code, answer.json()) == (201, None)
    assert texts(client) == ["one", "two"]
    assert client.post("/api/logs/", json=[]).status_code == 201


@pytest.mark.row("API-14")
def test_lines_are_chosen_by_level_time_and_run(client: Client) -> None:
    other = "00000000-0000-4000-8000-0000000000ff"
    late = line("late", timestamp="2026-11-22 11:00:00.5+00:00", level=30)
    client.post("/api/logs/", json=[line("early"), late, line("other", flow_run_id=other)])
    assert texts(client, logs={"level": {"ge_": 30}}) == ["late"]
    assert texts(
        client, logs={"timestamp": {"before_": "2026-11-22T10:30:00Z"}, "flow_run_id": {"any_": [UNKNOWN]}}
    ) == ["early"]
    assert texts(client, logs={"flow_run_id": {"any_": [other]}}) == ["other"]
    assert texts(client, logs={"task_run_id": {"any_": [other]}}) == []


@pytest.mark.row("API-16")
@pytest.mark.row("LOG-09")
def test_lines_are_sorted_both_ways_and_keep_their_order_at_one_instant(client: Client) -> None:
    client.post("/api/logs/", json=[line(str(number)) for number in range(5)])
    assert texts(client) == ["0", "1", "2", "3", "4"]
    assert texts(client, sort="TIMESTAMP_ASC") == ["0", "1", "2", "3", "4"]
    assert texts(client, sort="TIMESTAMP_DESC") == ["4", "3", "2", "1", "0"]
    assert texts(client, limit=2, offset=2) == ["2", "3"]


def test_a_line_with_source_and_number_is_kept_once(client: Client) -> None:
    for _ in range(2):
        client.post("/api/logs/", json=[line("once", source=UNKNOWN, seq=7)])
    assert texts(client) == ["once"]


def test_a_bad_line_spoils_its_batch_and_nothing_is_kept(client: Client) -> None:
    answer = client.post("/api/logs/", json=[line("good"), line("bad", level="high")])
    assert (answer.status_code, answer.json()["exception_detail"][0]["loc"]) == (422, ["body", 1, "level"])
    assert texts(client) == []


def test_log_batches_may_be_larger_than_other_bodies(client: Client) -> None:
    assert client.post("/api/logs/", json=[line("a" * 900_000) for _ in range(4)]).status_code == 201
    assert client.post("/api/logs/", json=[line("a" * 900_000) for _ in range(6)]).status_code == 413


def test_the_log_of_a_run_is_downloaded_as_csv_and_text(client: Client) -> None:
    run = client.post("/api/flow_runs/", json={"flow_id": flow(client)["id"]}).json()["id"]
    lines = [
        {
            "name": "orion", "level": 20, "message": f'say "{number}",\nplease', "flow_run_id": run,
            "timestamp": f"2026-01-01T00:00:00.{number:06}Z",
        }
        for number in range(1500)
    ]  # fmt: skip
    assert client.post("/api/logs/", json=lines).status_code == 201
    answer = client.get(f"/api/flow_runs/{run}/logs/download")
    assert (
        answer.headers["content-type"].startswith("text/csv")
        and f"{run}.csv" in answer.headers["content-disposition"]
    )
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["timestamp", "level", "flow_run_id", "task_run_id", "logger", "message"]
    assert [row[5] for row in rows[1:]] == [line["message"] for line in lines]
    text = client.get(f"/api/flow_runs/{run}/logs/download?format=text").text
    assert text.startswith('2026-01-01T00:00:00.000000Z INFO     orion  say "0"')
    assert client.get(f"/api/flow_runs/{run}/logs/download?format=pdf").status_code == 422
    assert client.get(f"/api/flow_runs/{UNKNOWN}/logs/download").status_code == 404
