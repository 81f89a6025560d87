"""Every example of the documentation is run: files with a title are written, console blocks are typed and compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, its title and its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text())]


def typed(page: Path) -> bool:
    return any(block.language == "console" for block in blocks(page))


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The command lines of a console block, each with the output that it shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.strip()


def matches(shown: str, got: str) -> bool:
    """`...` stands for anything, as in a doctest."""
    pattern = ".*".join(re.escape(piece.strip("\n")) for piece in shown.split("..."))
    return re.fullmatch(rf"\s*{pattern}\s*", got, re.DOTALL) is not None


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home, in which `python` and `orion` are the ones under test."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, argv in (("python", ""), ("orion", " -m orion")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{argv} "$@"\n')
        (tools / name).chmod(0o755)
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("ORION_", "PREFECT_"))}
    return {
        **keep,
        "HOME": str(tmp_path / "home"),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


@pytest.mark.parametrize("page", [p for p in PAGES if typed(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_of_a_page_do_what_it_shows(page: Path, desk: dict[str, str], tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "home").mkdir()
    for block in blocks(page):
        if block.language == "python" and block.title:
            (work / block.title).write_text(block.text)
        if block.language == "console":
            for command, shown in commands(block.text):
                done = subprocess.run(shlex.split(command), cwd=work, env=desk, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
                assert matches(shown, done.stderr + done.stdout), f"{command}\n{done.stderr}{done.stdout}\n-- shown --\n{shown}"


def mentioned() -> set[str]:
    """`orion …` commands in prose, tables and blocks that are not typed."""
    found: set[str] = set()
    for page in PAGES:
        if page.parent.name == "reference":
            continue
        found |= set(re.findall(r"`(orion [a-z][^`]*)`", page.read_text()))
        for block in blocks(page):
            if block.language in ("sh", "ini"):
                found |= {"orion " + rest for rest in re.findall(r"\borion ([a-z][^\n;&#]*)", block.text) if "." not in rest[:20]}
    return found


def test_every_command_that_the_documentation_names_exists() -> None:
    import typer

    from orion.cli import app

    root = typer.main.get_command(app)
    for line in sorted(mentioned()):
        command, words = root, shlex.split(line)[1:]
        while words and (children := getattr(command, "commands", None)):
            assert words[0] in children, f"{line!r}: there is no {words[0]!r}"
            command, words = children[words[0]], words[1:]
        known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
        for word in words:
            if word.startswith("-"):
                assert word.split("=")[0] in known | {"--help"}, f"{line!r}: no option {word}"


def test_the_reference_is_fresh() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
