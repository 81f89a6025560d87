"""The timeline's spans: from the rows of task runs alone, and from their states where they ran more than once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orion.model.times import to_micros
from orion.store.console import Sketch
from orion.web.charts.gantt import Try
from orion.web.pages.timeline import needs_states, spans, upstream

START = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
AT = to_micros(START)


def sketch(kind: str, seconds: float = 0.0, **times: float) -> Sketch:
    moments: dict[str, Any] = {"start": None, "end": None, "since": AT, "expected": AT, "updated": AT}
    moments |= {name: AT + round(time * 1_000_000) for name, time in times.items()}
    return Sketch(
        id="a", name="a", state_type=kind, state_name=kind.title(), seconds=seconds, inputs="{}", **moments
    )


def tries(task: Sketch, states: list[tuple[str, str, float]] | None = None) -> list[Try]:
    moved = {"a": [(kind, name, AT + round(time * 1_000_000)) for kind, name, time in states or []]}
    (span,) = spans([task], {"a": "a"}, moved if states else {}, {}, START, START.replace(minute=31))
    return list(span.tries)


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        (sketch("COMPLETED", 3.0, start=1, end=4), [Try(1, 4, "completed")]),
        (sketch("FAILED", 3.0, start=1, end=4), [Try(1, 4, "failed")]),
        (sketch("RUNNING", start=1), [Try(1, 60, "running")]),
        (sketch("COMPLETED", since=5), [Try(5, 5, "completed")]),
        (sketch("PENDING"), []),
        (sketch("CANCELLED", since=5), []),
    ],
    ids=["finished", "failed", "going on", "from the cache", "not begun", "cancelled before it began"],
)
def test_one_stretch_is_told_by_the_row(task: Sketch, wanted: list[Try]) -> None:
    assert not needs_states(task)
    assert tries(task) == wanted


@pytest.mark.parametrize(
    "task",
    [
        sketch("COMPLETED", 2.0, start=1, end=4),
        sketch("RUNNING", 1.0, start=1),
        sketch("SCHEDULED", 1.0, start=1),
        sketch("PAUSED", 1.0, start=1),
    ],
    ids=["with a wait between", "again", "waits for its retry", "paused"],
)
def test_several_stretches_are_told_by_the_states(task: Sketch) -> None:
    assert needs_states(task)
    states = [("RUNNING", "Running", 1.0), ("SCHEDULED", "AwaitingRetry", 2.0), ("RUNNING", "Retrying", 3.0)]
    assert tries(task, states) == [Try(1, 2, "failed"), Try(3, 60, "running")]


def test_upstream_names_each_task_run_once_and_nothing_else() -> None:
    given = (
        '{"x": [{"input_type": "task_run", "id": "1"}, {"input_type": "parameter", "name": "p"}],'
        ' "y": [{"input_type": "task_run", "id": "2"}, {"input_type": "task_run", "id": "1"}]}'
    )
    assert list(upstream(given)) == ["1", "2"]
    assert not upstream("{}") and not upstream("null")
