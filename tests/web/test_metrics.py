"""GET /metrics: Prometheus' text, true numbers, behind the login, and never the whole of a big table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from orion.settings import load
from orion.store import Store
from orion.store import metrics as db
from orion.web.exposition import Text
from orion.web.factory import build_app
from orion.web.traffic import Traffic
from tests.store.test_plans import BIG, Read, plans
from tests.web import makers
from tests.web.browser import Client, Clock

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+-]+)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels; a line that is none fails."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        parts = LINE.fullmatch(line)
        assert parts, line
        found[parts[1], frozenset(LABEL.findall(parts[2] or ""))] = float(parts[3])
    return found


def of(text: str, name: str, /, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


def test_runs_queues_requests_and_the_database_are_counted(client: Client, clock: Clock) -> None:
    queue = makers.queue(client)["name"]
    flow = makers.flow(client)["id"]
    early = (clock.now - timedelta(seconds=90)).isoformat()
    waits = {"type": "SCHEDULED", "state_details": {"scheduled_time": early}}
    makers.flow_run(client, flow, work_queue_name=queue, state=waits)
    makers.propose(client, "flow_runs", makers.running_flow_run(client, flow_id=flow)["id"], "FAILED")
    client.get("/api/flows/00000000-0000-4000-8000-000000000000")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    assert of(text, "orion_flow_runs", state="SCHEDULED", name="Scheduled") == 1
    assert of(text, "orion_flow_runs_ended_last_hour", state="FAILED") == 1
    assert of(text, "orion_queue_due", queue=queue) == 1
    lateness = of(text, "orion_queue_lateness_seconds", queue=queue)
    assert lateness is not None and 89 < lateness < 91
    missing = {"method": "GET", "route": "/api/flows/{id}", "status": "404"}
    assert of(text, "orion_request_seconds_count", **missing) == 1
    assert of(text, "orion_request_seconds_bucket", **missing, le="+Inf") == 1
    assert (of(text, "orion_database_bytes") or 0) > 4096
    assert of(text, "orion_rows", table="flow_run") == 2


def test_types_stand_before_their_samples_and_each_family_once(client: Client) -> None:
    lines = client.get("/metrics").text.splitlines()
    families = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(families) == len(set(families)) > 15
    assert {line.split()[3] for line in lines if line.startswith("# TYPE ")} == {
        "gauge",
        "counter",
        "histogram",
    }


def test_labels_and_helps_are_escaped() -> None:
    text = Text()
    text.family("a_b", "gauge", "two\nlines", [({"queue": 'q"\\\n'}, 1.5)])
    assert text.bytes() == b'# HELP a_b two\\nlines\n# TYPE a_b gauge\na_b{queue="q\\"\\\\\\n"} 1.5\n'


def test_buckets_count_what_was_faster() -> None:
    traffic = Traffic()
    for seconds in (0.0005, 0.003, 0.003, 60.0):
        traffic.record("GET", "/runs", 200, seconds)
    (line,) = traffic.lines()
    assert (line.number, round(line.seconds, 4)) == (4, 60.0065)
    assert (line.faster[0], line.faster[1], line.faster[2], line.faster[-1]) == (1, 1, 3, 3)


def test_it_asks_for_the_key_as_a_page_does_and_is_there_without_the_console(
    store: Any, tmp_path: Any
) -> None:
    settings = load({"ORION_HOME": str(tmp_path), "ORION_ADMIN_KEY": "hidden", "ORION_UI_ENABLED": "false"})
    client = Client(build_app(settings, store, services=False))
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer hidden"}).status_code == 200
    client.close()


def test_nothing_big_is_scanned(sqlite_store: Store) -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    reads: list[Read] = [
        db.flow_runs, db.task_runs, db.stored, db.waiting_messages, db.size,
        lambda conn: db.queues(conn, now), lambda conn: db.ended(conn, now, timedelta(hours=1)),
    ]  # fmt: skip
    steps = [step for read in reads for _, plan in plans(sqlite_store, read) for step in plan]
    whole = [step for step in steps if step.startswith("SCAN ") and "USING" not in step]
    assert {step.split()[1] for step in whole} & {*BIG, "flow_run_minute", "notification_outbox"} == set()
