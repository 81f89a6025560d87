"""Help and version: complete, and without importing what they do not need."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from orion import __version__
from orion.cli.root import MEMBERS, app
from tests.cli.conftest import Orion
from tests.servers import clean_environment


def commands(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
    yield " ".join(path), command
    for name, member in getattr(command, "commands", {}).items():
        yield from commands((*path, name), member)


ALL = dict(commands(("orion",), get_command(app)))


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_and_answers_it(path: str, orion: Orion) -> None:
    answer = orion(*path.split()[1:], "--help")
    assert f"Usage: {path}" in answer.out
    assert (ALL[path].help or "").strip().split(".")[0].split()[0] in answer.out


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if not hasattr(command, "commands")])
def test_every_argument_and_option_says_what_it_is(path: str) -> None:
    shown = [each for each in ALL[path].params if not getattr(each, "hidden", False)]
    assert [each.name for each in shown if not each.help] == []
    arguments = [each for each in shown if each.param_type_name == "argument"]
    assert [each.name for each in arguments if (each.metavar or "").upper() != each.metavar] == []


def test_the_help_says_of_a_group_what_the_group_says(orion: Orion) -> None:
    assert {name: said for name, (_, said) in MEMBERS.items() if name in ("database", "config", "profile")} == {
        name: ALL[f"orion {name}"].help for name in ("database", "config", "profile")
    }


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if hasattr(command, "commands")])
def test_a_bare_group_prints_its_help(path: str, orion: Orion) -> None:
    assert "Commands:" in orion(*path.split()[1:]).out


def test_the_help_names_every_group(orion: Orion) -> None:
    text = orion("--help").out
    assert all(f"\n  {name} " in text for name in MEMBERS)


@pytest.mark.row("CLI-01")
def test_version_tells_what_a_bug_report_needs(orion: Orion, home: Path) -> None:
    import sqlite3

    facts = orion("version", "--json").json
    assert facts["version"] == __version__
    assert facts["Python"] == platform.python_version()
    assert facts["SQLite"] == sqlite3.sqlite_version
    assert facts["profile"] == "default"
    assert facts["database"] == f"sqlite:///{home}/orion.db"
    assert {"API version", "commit", "system", "server"} <= facts.keys()


@pytest.mark.row("CLI-01")
def test_the_bare_version_says_the_same_as_the_command(orion: Orion, home: Path) -> None:
    bare = fresh("version", home=home)
    assert bare.stdout == orion("version", "-o", "text").out
    assert orion("-v").out.strip() == __version__


@pytest.mark.parametrize(
    ("args", "absent"),
    [
        (("--help",), {"httpx", "pydantic", "rich", "starlette", "uvicorn", "sqlite3", "msgspec", "asyncio"}),
        (("version",), {"typer", "pydantic", "rich", "httpx", "starlette", "msgspec", "asyncio"}),
        (("deployment", "--help"), {"httpx", "starlette", "uvicorn", "yaml", "huey", "psycopg"}),
    ],
)
def test_what_is_not_needed_is_not_imported(args: tuple[str, ...], absent: set[str], tmp_path: Path) -> None:
    code = (
        "import sys, contextlib\n"
        "from orion.cli import main\n"
        "with contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        "print('modules:', *sys.modules)\n"
    )
    answer = fresh(*args, home=tmp_path, code=code)
    loaded = set(answer.stdout.rpartition("modules:")[2].split())
    assert "orion.cli" in loaded
    assert loaded & absent == set()


def fresh(*args: str, home: Path, code: str | None = None) -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "orion"]
    environment = clean_environment(home, ORION_HOME=str(home))
    return subprocess.run(
        [sys.executable, *start, *args],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
