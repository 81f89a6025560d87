"""What the tests of the documentation share: the desk of a reader."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.servers import clean_environment


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home, in which `python` and `orion` are the ones under test."""
    tools, home = tmp_path / "bin", tmp_path / "home"
    tools.mkdir()
    home.mkdir()
    for name, argv in (("python", ""), ("orion", " -m orion")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{argv} "$@"\n')
        (tools / name).chmod(0o755)
    env = clean_environment(home, NO_COLOR="1", COLUMNS="200")
    return {**env, "PATH": f"{tools}:{env['PATH']}"}
