"""Completion in the shell: offered for commands of every level, and for the values that they take."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orion.cli.api import api
from tests.cli.conftest import Orion

Tab = Callable[..., list[str]]


def typed(home: Path, *args: str, **environment: str) -> str:
    own = {
        **os.environ,
        "ORION_HOME": str(home),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        **environment,
    }
    command = [sys.executable, "-m", "orion", *args]
    return subprocess.run(command, env=own, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("line", "offered"), [("orion deplo", "deployment"), ("orion deployment back", "backfill")]
)
def test_a_command_is_completed(tmp_path: Path, line: str, offered: str) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    assert typed(tmp_path, _ORION_COMPLETE="complete_bash", **words).split() == [offered]


def test_the_script_for_a_shell_is_shown(tmp_path: Path) -> None:
    assert "_ORION_COMPLETE=complete_bash" in typed(tmp_path, "--show-completion", "bash")


@pytest.fixture
def offered(orion: Orion, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """What bash is offered after some words, the last of them unfinished."""

    def press_tab(*words: str) -> list[str]:
        with monkeypatch.context() as shell:
            shell.setenv("_ORION_COMPLETE", "complete_bash")
            shell.setenv("COMP_WORDS", shlex.join(["orion", *words]))
            shell.setenv("COMP_CWORD", str(len(words)))
            result = orion(code=None)
        assert result.err == ""
        return result.out.split()

    return press_tab


def test_words_of_a_choice_are_completed_in_the_case_that_is_typed(offered: Tab) -> None:
    assert offered("deployment", "build", "x.py:f", "--overlap", "") == ["allow", "cancel-previous", "queue", "skip"]
    assert offered("flow-run", "ls", "--state-type", "canc") == ["cancelled", "cancelling"]
    assert offered("flow-run", "ls", "--state", "Canc") == ["Cancelled", "Cancelling"]


def test_names_that_the_api_knows_are_completed(orion: Orion, offered: Tab) -> None:
    with api() as server:
        flow = server.post("/flows/", {"name": "etl"})["id"]
        for name in ("nightly", "hourly"):
            made = {"name": name, "flow_id": flow, "work_queue_name": f"q-{name}"}
            server.post("/deployments/", made)
        run = server.post("/flow_runs/", {"flow_id": flow, "name": "quick-otter"})["id"]
        server.post("/concurrency_limits/", {"tag": "gpu", "concurrency_limit": 1})
        server.post("/v2/concurrency_limits/", {"name": "search", "limit": 1})
        server.post("/variables/", {"name": "city", "value": "Bergen"})
    assert offered("flow", "inspect", "e") == ["etl"]
    assert offered("deployment", "run", "") == ["etl/hourly", "etl/nightly"]
    assert offered("deployment", "inspect", "et") == ["etl/hourly", "etl/nightly"]
    assert offered("deployment", "schedule", "ls", "etl/n") == ["etl/nightly"]
    assert offered("work-queue", "pause", "q-") == ["q-hourly", "q-nightly"]
    assert offered("agent", "start", "q-n") == offered("agent", "start", "-q", "q-n") == ["q-nightly"]
    assert offered("flow-run", "logs", "quick") == offered("result", "quick") == ["quick-otter"]
    assert offered("flow-run", "delete", run[:8]) == [run]
    assert offered("flow-run", "ls", "--flow-name", "e") == ["etl"]
    assert offered("concurrency-limit", "inspect", "") == ["gpu"]
    assert offered("gcl", "inspect", "s") == ["search"]
    assert offered("variable", "inspect", "c") == ["city"]
    assert "slack-webhook" in offered("block", "type", "inspect", "slack")
    orion("block", "create", "secret", "token", "-v", "value=x")
    assert offered("block", "inspect", "secret/") == ["secret/token"]
    assert offered("flow", "inspect", "nothing") == []


def test_profiles_and_settings_are_completed(orion: Orion, offered: Tab) -> None:
    orion("profile", "create", "staging")
    assert offered("profile", "use", "") == ["default", "staging"]
    assert offered("-p", "st") == ["staging"]
    assert offered("config", "set", "ORION_API_U") == ["ORION_API_URL="]
    orion("config", "set", "ORION_LOGGING_LEVEL=DEBUG")
    assert offered("config", "unset", "") == ["ORION_LOGGING_LEVEL"]


def test_where_the_api_is_away_nothing_is_offered_and_nothing_said(
    offered: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORION_API_URL", "http://127.0.0.1:9/api")
    assert offered("flow", "inspect", "") == []
