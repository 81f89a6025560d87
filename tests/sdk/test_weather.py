"""The example on real data: it completes, retries, caches, writes its database and its report."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orion.sdk.client import SyncClient
from orion.sdk.flows import Flow
from orion.sdk.loading import load_flow_from_entrypoint

EXAMPLE = Path(__file__).parents[2] / "examples" / "weather" / "flow.py"


@pytest.fixture
def weather(home: Path) -> Flow:
    return load_flow_from_entrypoint(f"{EXAMPLE}:weather")


def test_the_example_completes_and_its_report_and_rows_are_there(
    weather: Flow, client: SyncClient, tmp_path: Path
) -> None:
    report = Path(weather(folder=tmp_path))
    assert report.read_text().count("<tr><td>") == 48
    with sqlite3.connect(tmp_path / "weather.db") as connection:
        rows = connection.execute(
            "SELECT month, days, precipitation, warmest FROM months ORDER BY month"
        ).fetchall()
    assert len(rows) == 48
    assert rows[0] == ("2012-01", 31, 173.3, 12.8)
    runs = {run.name: run for run in client.read_task_runs()}
    assert len(runs) == 4 + 4 + 1 + 48 + 1 + 1 + 1
    assert runs["aggregate 2013-07"].state_name == "Completed"
    assert sorted(run.run_count for name, run in runs.items() if name.startswith("extract")) == [1, 1, 1, 2]
    assert {run.state_name for run in client.read_flow_runs()} == {"Completed"}
    assert any(line.message == "seattle: 365 rows of 2013" for line in client.read_logs())


def test_a_dry_run_writes_nothing_and_the_next_run_finds_its_days_cached(
    weather: Flow, client: SyncClient, tmp_path: Path
) -> None:
    assert weather(years=[2012], dry_run=True, folder=tmp_path) == "12 months, nothing written"
    assert list(tmp_path.glob("*.html")) == []
    weather(years=[2012], folder=tmp_path)
    states = sorted(run.state_name for run in client.read_task_runs() if run.name.startswith("clean"))
    assert states == ["Cached", "Completed"]


def test_an_unknown_station_fails_with_the_known_ones(weather: Flow) -> None:
    state = weather.with_options(retries=0)(station="moon", return_state=True)
    assert "There is no station 'moon'; there is seattle." in state.message
