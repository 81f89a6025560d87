"""scripts/venv.sh on machines that lack something, played by programs of the same names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import CHECKOUT

SCRIPT = CHECKOUT / "scripts" / "venv.sh"


class Machine:
    """A PATH with stand-ins before the real programs; `said` is what the stand-ins wrote down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()

    def has(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\n{script}\n')
        path.chmod(0o755)

    def run(self, extras: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHON": "python-here",
        }
        command = ["sh", str(SCRIPT), str(self.folder / "env"), extras]
        return subprocess.run(
            command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=60
        )

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian without python3-venv, where pip only says what it was asked."""
    machine = Machine(tmp_path)
    machine.has(
        "python-here",
        f"""case "$*" in
        *"import ensurepip"*) [ -e {tmp_path}/installed ] ;;
        "-m venv"*) mkdir -p {tmp_path}/env/bin; cp {tmp_path}/python-here {tmp_path}/env/bin/python ;;
        "-m pip"*) ;;
        *) exec {sys.executable} "$@" ;;
        esac""",
    )
    machine.has("apt-get", f'[ "$1" != install ] || touch {tmp_path}/installed')
    return machine


def test_without_ensurepip_a_user_is_told_the_one_command(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    answer = machine.run()
    package = f"python3.{sys.version_info.minor}-venv"
    assert answer.returncode == 1
    assert f"sudo apt-get install {package}" in answer.stderr
    assert not any(line.startswith("apt-get") for line in machine.said)


def test_without_ensurepip_root_gets_it_installed(machine: Machine) -> None:
    machine.has("id", "echo 0")
    answer = machine.run("dev")
    assert answer.returncode == 0, answer.stderr
    package = f"python3.{sys.version_info.minor}-venv"
    assert f"apt-get install {package} -y -qq -o Acquire::Retries=5" in machine.said
    assert machine.said[-1].endswith("-e .[dev]")


def test_an_environment_that_is_there_is_used_again(machine: Machine) -> None:
    (machine.folder / "installed").touch()
    assert "building" in machine.run().stdout
    assert "building" not in machine.run().stdout
    assert machine.said[-1].endswith("-e .")


def test_a_python_that_is_too_old_is_not_taken(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name in ("python-here", "python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        machine.has(name, "exit 1")
    answer = machine.run()
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer" in answer.stderr and "make PYTHON=" in answer.stderr
