"""Completion in the shell: offered for commands of every level."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def orion(home: Path, *args: str, **environment: str) -> str:
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
    assert orion(tmp_path, _ORION_COMPLETE="complete_bash", **words).split() == [offered]


def test_the_script_for_a_shell_is_shown(tmp_path: Path) -> None:
    assert "_ORION_COMPLETE=complete_bash" in orion(tmp_path, "--show-completion", "bash")
