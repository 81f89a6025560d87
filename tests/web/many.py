"""Many task runs of one run at once, as fast as the database takes them."""

from __future__ import annotations

from datetime import datetime

from orion.model.ids import new_id
from orion.store import Conn

MANY = """
INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key, state_type, state_name,
    expected_start_time, start_time, end_time, total_run_time, task_inputs)
VALUES (:id, :now, :now, :name, :run, :key, :dynamic, :kind, :state, :now, :now, :now, 1.5, :inputs)"""


def many_tasks(conn: Conn, run: str, now: datetime, numbers: range) -> None:
    """Task runs by number: of three kinds in turn, each waiting for the one before, one of a thousand failed."""
    rows, before = [], new_id()
    for index in numbers:
        name, id = ("extract", "transform", "load")[index % 3], new_id()
        broken = index % 1000 == 999
        inputs = f'{{"x": [{{"input_type": "task_run", "id": "{before}"}}]}}' if index % 3 else "{}"
        rows.append(
            {
                "id": id, "now": conn.time(now), "name": f"{name}-0913651b-{index // 3}", "run": run, "key": name,
                "dynamic": str(index // 3), "kind": "FAILED" if broken else "COMPLETED",
                "state": "Failed" if broken else "Completed", "inputs": inputs,
            }
        )  # fmt: skip
        before = id
    conn.many(MANY, rows)
