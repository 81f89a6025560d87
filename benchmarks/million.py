"""A big database: a year of flow runs with their tasks and logs, made inside SQLite in minutes, and carried from there.

Rows are what the engine would have left, without its history of states but the last one. Two finished runs are bigger
than the others: the newest has ten thousand task runs in ten layers and a hundred thousand log lines, the one before it
a thousand of each.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from orion.store import open_store

YEAR = 365 * 86_400
FLOWS, DEPLOYMENTS, QUEUES = 200, 400, 8
HUGE, WIDE, LAYERS = 10_000, 1_000, 10  # task runs of the two big runs, and how deep the huge one is
HUGE_LINES = 100_000


class Size(NamedTuple):
    """How many rows of each kind."""

    runs: int
    tasks: int
    logs: int


def build(url: str, size: Size) -> float:
    """Make the database at `url`, which has no rows yet; the seconds it took. SQLite makes it for PostgreSQL, too."""
    begin = time.perf_counter()
    if url.startswith("sqlite:///"):
        _make(Path(url.removeprefix("sqlite:///")), size)
    else:
        from benchmarks.carry import carry

        open_store(url).close()
        with tempfile.TemporaryDirectory() as folder:
            _make(Path(folder) / "made.db", size)
            carry(Path(folder) / "made.db", url)
    return time.perf_counter() - begin


def _make(path: Path, size: Size) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    open_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        _fill(raw, size, int(time.time()))


def _fill(raw: sqlite3.Connection, size: Size, now: int) -> None:
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "foreign_keys = OFF"):
        raw.execute(f"PRAGMA {pragma}")
    dropped = raw.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in dropped:
        raw.execute(f"DROP {kind} {name}")
    raw.execute("BEGIN")
    for _, text in _parts(size, now):
        raw.execute(text)
    raw.execute("COMMIT")
    for _, _, text in dropped:
        raw.execute(text)
    raw.execute("PRAGMA journal_mode = WAL")


def _id(micros: str, kind: int, number: str) -> str:
    """SQL for the id of the `number`th row of a kind, made at `micros`: it sorts by time as the real ones do."""
    ms = f"(({micros}) / 1000)"
    return (
        f"printf('%08x-%04x-7%03x-8{kind:03x}-%012x', {ms} >> 16, {ms} & 65535, ({number}) & 4095, {number})"
    )


def _count(number: int, first: int = 0) -> str:
    """SQL for a table `n (i)` of whole numbers."""
    return f"WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {first + number})"


def _parts(size: Size, now: int) -> list[tuple[str, str]]:
    """One statement a table."""
    at = now * 1_000_000
    old = at - YEAR * 1_000_000
    step = YEAR * 1_000_000 // size.runs
    born = f"({old} + i * {step})"
    flow, deployment = _id(str(old), 1, f"i % {FLOWS}"), _id(str(old), 2, f"i % {DEPLOYMENTS}")
    run = _id(born, 3, "i")
    per = max(size.tasks // size.runs, 1)
    lines = max(size.logs // size.runs, 1)
    kind = (
        f"CASE WHEN i >= {size.runs - 20} THEN 'RUNNING' WHEN i % 100 < 5 THEN 'FAILED' "
        "WHEN i % 100 = 5 THEN 'CRASHED' WHEN i % 100 = 6 THEN 'CANCELLED' ELSE 'COMPLETED' END"
    )
    name = "upper(substr(kind, 1, 1)) || lower(substr(kind, 2))"
    queue = f"'queue-' || (i % {QUEUES})"
    runs_of = f"{_count(size.runs)}, run AS (SELECT i, {born} AS born, {kind} AS kind FROM n)"
    tasks_of = (
        f"{_count(size.runs)}, k (j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j + 1 < {per}), "
        f"task AS (SELECT i, j, i * {per} + j AS number, {born} + j * 1000000 AS born, "
        f"CASE WHEN j = {per - 1} THEN {kind} ELSE 'COMPLETED' END AS kind FROM n CROSS JOIN k)"
    )
    lines_of = (
        f"{_count(size.runs)}, k (j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM k WHERE j + 1 < {lines}), "
        f"line AS (SELECT i, j, i * {lines} + j AS number, {born} + j * 500000 AS born FROM n CROSS JOIN k)"
    )
    return [
        ("flow", f"""INSERT INTO flow (id, created, updated, name, tags) {_count(FLOWS)}
            SELECT {flow}, {old}, {old}, printf('flow-%03d', i), '["team-' || (i % 9) || '"]' FROM n"""),
        ("flow_tag", "INSERT INTO flow_tag SELECT id, json_extract(tags, '$[0]') FROM flow"),
        ("work_queue", f"""INSERT INTO work_queue (id, created, updated, name, last_polled) {_count(QUEUES)}
            SELECT {_id(str(old), 4, "i")}, {old}, {old}, {queue}, {at} FROM n"""),
        ("deployment", f"""INSERT INTO deployment (id, created, updated, name, flow_id, work_queue_name, work_queue_id,
                tags, parameter_openapi_schema)
            {_count(DEPLOYMENTS)} SELECT {deployment}, {old}, {old}, printf('deployment-%03d', i), {flow}, {queue},
                {_id(str(old), 4, f"i % {QUEUES}")}, '["team-' || (i % 9) || '"]',
                '{{"type": "object", "properties": {{"day": {{"type": "string", "format": "date"}}}}}}' FROM n"""),
        ("deployment_tag", "INSERT INTO deployment_tag SELECT id, json_extract(tags, '$[0]') FROM deployment"),
        ("deployment_schedule", f"""INSERT INTO deployment_schedule (id, created, updated, deployment_id, schedule,
                scheduled_until)
            {_count(DEPLOYMENTS)} SELECT {_id(str(old), 5, "i")}, {old}, {old}, {deployment},
                '{{"cron": "' || (i % 60) || ' * * * *", "timezone": "UTC", "day_or": true}}',
                {at} + 86400000000 FROM n"""),
        ("flow_run", f"""INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, state_id, state_type,
                state_name, state_timestamp, run_count, expected_start_time, start_time, end_time, total_run_time,
                work_queue_name, work_queue_id, tags, parameters)
            {runs_of} SELECT {run}, born, born, 'run-' || i, {flow}, {deployment}, {_id("born", 6, "i")}, kind, {name},
                born, 1, born, born, CASE WHEN kind = 'RUNNING' THEN NULL ELSE born + 60000000 END,
                CASE WHEN kind = 'RUNNING' THEN 0 ELSE 30 + i % 60 END, {queue}, {_id(str(old), 4, f"i % {QUEUES}")},
                '["team-' || (i % 9) || '"]', '{{"day": "2026-01-01"}}' FROM run"""),
        ("planned", f"""INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, state_id, state_type,
                state_name, state_timestamp, expected_start_time, next_scheduled_start_time, auto_scheduled,
                work_queue_name, work_queue_id)
            {_count(DEPLOYMENTS * 3)}, run AS (SELECT i, {at} + (i - 40) * 60000000 AS born FROM n)
            SELECT {_id("born", 7, "i")}, {at}, {at}, 'planned-' || i, {flow}, {deployment}, {_id("born", 8, "i")},
                'SCHEDULED', CASE WHEN i < 40 THEN 'Late' ELSE 'Scheduled' END, {at}, born, born, TRUE, {queue},
                {_id(str(old), 4, f"i % {QUEUES}")} FROM run"""),
        ("flow_run_tag", """INSERT INTO flow_run_tag
            SELECT id, json_extract(tags, '$[0]'), expected_start_time FROM flow_run WHERE tags <> '[]'"""),
        ("flow_run_state", """INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp)
            SELECT state_id, id, state_type, state_name, state_timestamp FROM flow_run"""),
        ("task_run", f"""INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key,
                state_id, state_type, state_name, state_timestamp, run_count, flow_run_run_count, expected_start_time,
                start_time, end_time, total_run_time)
            {tasks_of} SELECT {_id("born", 9, "number")}, born, born, 'task-' || j, {run}, 'task', j,
                {_id("born", 10, "number")}, kind, {name}, born, 1, 1, born, born,
                CASE WHEN kind = 'RUNNING' THEN NULL ELSE born + 900000 END, 0.9 FROM task"""),
        ("huge task_run", _mapped(HUGE, 11, at, _newest(0, at))),
        ("wide task_run", _mapped(WIDE, 17, at, _newest(1, at))),
        ("task_run_state", """INSERT INTO task_run_state (id, task_run_id, type, name, timestamp)
            SELECT state_id, id, state_type, state_name, state_timestamp FROM task_run"""),
        ("log", f"""INSERT INTO log (id, created, timestamp, flow_run_id, level, name, message)
            {lines_of} SELECT {_id("born", 13, "number")}, born, born, {run}, 20 + 10 * (j % 3), 'orion.flow_runs',
                'line ' || j || ' of the run, with some words about what it does' FROM line"""),
        ("huge log", _lines(HUGE_LINES, 14, at, _newest(0, at))),
        ("wide log", _lines(WIDE, 19, at, _newest(1, at))),
        ("flow_run_minute", """INSERT INTO flow_run_minute (minute, flow_id, deployment_id, state_type, state_name, n,
                run_time, lateness)
            SELECT expected_start_time / 60000000 * 60000000, flow_id, deployment_id, state_type, state_name, count(*),
                sum(total_run_time), 0 FROM flow_run
            WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') GROUP BY 1, 2, 3, 4, 5"""),
        ("flow_run_hour", """INSERT INTO flow_run_hour (hour, state_type, state_name, n, run_time, lateness)
            SELECT minute / 3600000000 * 3600000000, state_type, state_name, sum(n), sum(run_time), sum(lateness)
            FROM flow_run_minute GROUP BY 1, 2, 3"""),
        *((f"flow_run_facet_hour by {facet}", f"""INSERT INTO flow_run_facet_hour (facet, hour, state_type, state_name,
                n, run_time, lateness)
            SELECT {facet}, expected_start_time / 3600000000 * 3600000000, state_type, state_name, count(*),
                sum(total_run_time), 0 FROM flow_run
            WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') GROUP BY 1, 2, 3, 4""")
          for facet in ("'tag:' || json_extract(tags, '$[0]')", "'queue:' || work_queue_name")),
        ("counters", """INSERT INTO counter (name, n)
            SELECT 'flow_run', count(*) FROM flow_run UNION ALL SELECT 'task_run', count(*) FROM task_run
            WHERE TRUE ON CONFLICT (name, shard) DO UPDATE SET n = excluded.n"""),
    ]  # fmt: skip


def _newest(offset: int, at: int) -> str:
    """SQL for the id of a finished run, counted from the newest."""
    return (
        f"(SELECT id FROM flow_run WHERE state_type = 'COMPLETED' AND created <= {at} "
        f"ORDER BY id DESC LIMIT 1 OFFSET {offset})"
    )


def _mapped(number: int, kind: int, at: int, run: str) -> str:
    """Task runs of a big run: each layer takes in the results of the one before it."""
    width = number // LAYERS
    above = f"""'{{"x": [{{"input_type": "task_run", "id": "' || {_id(str(at), kind, f"i - {width}")} || '"}}]}}'"""
    begun = f"{at} - 60000000 + i * 1000"
    ended = f"{begun} + 10000000"
    return f"""INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key, state_id,
            state_type, state_name, state_timestamp, run_count, flow_run_run_count, expected_start_time, start_time,
            end_time, total_run_time, task_inputs)
        {_count(number)} SELECT {_id(str(at), kind, "i")}, {begun}, {ended}, 'mapped-' || i, {run}, 'mapped', i,
            {_id(str(at), kind + 1, "i")}, 'COMPLETED', 'Completed', {ended}, 1, 1, {at} - 60000000, {begun},
            {ended}, 10, CASE WHEN i < {width} THEN '{{}}' ELSE {above} END FROM n"""


def _lines(number: int, kind: int, at: int, run: str) -> str:
    """Log lines of a big run."""
    return f"""INSERT INTO log (id, created, timestamp, flow_run_id, level, name, message)
        {_count(number)} SELECT {_id(str(at), kind, "i")}, {at}, {at} + i, {run},
            CASE WHEN i % 1000 = 999 THEN 40 ELSE 20 END, 'orion.flow_runs', 'line ' || i FROM n"""
