"""Every example of the documentation is run: files with a title are written, console blocks are typed and compared."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers import CHECKOUT, serving

PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")])
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


@pytest.mark.parametrize("page", [p for p in PAGES if typed(p)], ids=lambda p: str(p.relative_to(CHECKOUT)))
def test_the_examples_of_a_page_do_what_it_shows(page: Path, desk: dict[str, str], tmp_path: Path) -> None:
    """A page that starts an agent gets a server first, as it tells its reader to."""
    work = tmp_path / "work"
    work.mkdir()
    agent = any("agent start" in block.text for block in blocks(page) if block.language == "console")
    with serving(tmp_path / "home", "--no-clock") if agent else nullcontext() as server:
        env = {**desk, "ORION_API_URL": server.api} if server else desk
        for block in blocks(page):
            if block.language == "python" and block.title:
                (work / block.title).write_text(block.text)
            if block.language == "console":
                type_in(block.text, work, env)


def type_in(text: str, work: Path, env: dict[str, str]) -> None:
    for command, shown in commands(text):
        done = subprocess.run(
            shlex.split(command), cwd=work, env=env, capture_output=True, text=True, timeout=120
        )
        got = done.stderr + done.stdout
        assert done.returncode == 0, f"{command}\n{got}"
        assert matches(shown, got), f"{command}\n{got}\n-- shown --\n{shown}"


def mentioned() -> set[str]:
    """`orion …` commands in prose, tables and blocks that are not typed."""
    found: set[str] = set()
    for page in PAGES:
        if page.parent.name == "reference":
            continue
        found |= set(re.findall(r"`(orion [a-z][^`]*)`", page.read_text()))
        for block in blocks(page):
            if block.language in ("sh", "ini"):
                lines = re.findall(r"(?:^|[ /])orion ([a-z][^\n;&#]*)", block.text, re.MULTILINE)
                found |= {f"orion {rest.strip()}" for rest in lines}
    return found


def test_every_command_that_the_documentation_names_exists() -> None:
    import typer

    from orion.cli.root import app

    root = typer.main.get_command(app)
    for line in sorted(mentioned()):
        command, words = root, shlex.split(line)[1:]
        while words and (children := getattr(command, "commands", None)):
            assert words[0] in children, f"{line!r}: there is no {words[0]!r}"
            command, words = children[words[0]], words[1:]
        known = {
            name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]
        }
        for word in words:
            if word.startswith("-"):
                assert word.split("=")[0] in known | {"--help"}, f"{line!r}: no option {word}"


def test_the_reference_is_fresh() -> None:
    script = CHECKOUT / "scripts" / "reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bodies_that_the_routes_page_shows_are_what_the_routes_take_and_give() -> None:
    from orion.model import wire
    from orion.model.flow_runs import Heartbeat
    from orion.model.task_runs import TaskRunBatchItem

    page = blocks(CHECKOUT / "docs" / "reference" / "routes.md")
    batch, beat, *_ = (block.text for block in page if block.language == "json")
    (item,) = wire.decode(batch, list[TaskRunBatchItem])
    assert [aged.state.type for aged in item.states] == ["RUNNING", "COMPLETED"]
    assert wire.decode(beat, Heartbeat).lease_seconds == 75
