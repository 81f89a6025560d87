"""The soak of `make soak`, a few seconds of it: every run ends exactly once while machines are killed at random."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.plan import Plan
from tests.soak.soak import soak

pytestmark = pytest.mark.fault


def test_every_run_ends_once_while_machines_are_killed(empty_url: str, tmp_path: Path) -> None:
    pair = 2 if empty_url.startswith("postgresql") else 1
    plan = Plan(
        "postgres" if pair == 2 else "sqlite", tmp_path, seconds=3, runs=12, servers=pair, clocks=pair, agents=2,
        seed=11, quick=True, settle=100,
    )  # fmt: skip
    report = soak(plan, empty_url)
    assert not report.violations, report.text()
    assert report.kills and report.endings["COMPLETED"], report.text()
