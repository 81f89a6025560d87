"""The recipes of the documentation that are no typed examples: shell lines, cron, systemd, images, manifests.

Addresses, keys and folders of somebody's own are replaced by those of the test. What needs another program to run (the
building of an image, `kubectl apply`, a flow of another library) is read and checked, and the pages say so.
"""

from __future__ import annotations

import configparser
import json
import os
import shlex
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from orion.deployments.files import read_file
from orion.model.schedules import CronSchedule
from tests.conftest import fresh_database
from tests.docs.test_examples import PAGES, Block, blocks
from tests.servers import CHECKOUT, OrionServer, eventually, serving

KNOWN = {"sh", "console", "python", "json", "cron", "ini", "dockerfile", "yaml"}
RUNS = ("Press Ctrl+C", "The clock runs")
THEIRS = "postgresql://orion:secret@db.example.org/orion"
READ_ONLY = (
    "my_prefect_flow.py",  # another library's flow; tests/compat replays what its clients send
    "s3/prod",  # somebody's bucket; tests/faults/test_other_machine.py does the same with a bucket of its own
    "python3 orion.pyz",  # what `make pyz` builds; tests/test_pyz.py runs one
    "github.com/team/flows",  # somebody's repository; tests/blocks/test_git.py clones one of its own
)


def found(language: str) -> list[tuple[str, Block]]:
    """The blocks of a language, with the page that each stands on."""
    return [
        (str(page.relative_to(CHECKOUT)), block)
        for page in PAGES
        for block in blocks(page)
        if block.language == language
    ]


def named(language: str) -> Any:
    """The same as parameters of a test."""
    return [pytest.param(block.text, id=f"{page}-{n}") for n, (page, block) in enumerate(found(language))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("home"), "--no-clock") as running:
        assert running.post("/work_queues/", {"name": "etl"}).status_code == 201
        yield running


@pytest.fixture
def at_desk(desk: dict[str, str], server: OrionServer) -> dict[str, str]:
    """The environment of somebody whose machine talks to the server."""
    return {**desk, "ORION_API_URL": server.api}


def test_no_block_is_in_a_language_that_nobody_runs() -> None:
    assert {block.language for page in PAGES for block in blocks(page)} <= KNOWN


@pytest.mark.parametrize("text", named("sh"))
def test_shell_lines_run(text: str, desk: dict[str, str], tmp_path: Path) -> None:
    """A line that starts a server or a clock is stopped with Ctrl+C once it runs; `make` says what it would do."""
    if any(theirs in text for theirs in READ_ONLY):
        return
    with contextmanager(fresh_database)("postgres", tmp_path, empty=True) if THEIRS in text else nullcontext("") as url:
        run_lines(text.replace(THEIRS, url).replace("make ", f"make -n -C {CHECKOUT} "), desk, tmp_path)


def run_lines(text: str, desk: dict[str, str], tmp_path: Path) -> None:
    serves = "orion start" in text or text.strip() == "orion clock"
    said = tmp_path / "said"
    with open(said, "w") as out:
        process = subprocess.Popen(
            ["sh", "-e", "-c", _to_be_stopped(text)],
            env=desk, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        if serves:
            eventually(lambda: any(word in said.read_text() for word in RUNS) or process.poll() is not None, 90)
            process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0, said.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _to_be_stopped(text: str) -> str:
    return text.replace("orion start", "exec orion start --port 0").replace("orion clock\n", "exec orion clock\n")


def once(command: list[str] | str, env: dict[str, str], folder: Path) -> None:
    """Run an agent's command as written, made to leave when nothing is left to do."""
    line = command if isinstance(command, str) else shlex.join(command)
    line = line if "--once" in line else f"{line} --once"
    done = subprocess.run(["sh", "-c", line], env=env, cwd=folder, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "Agent for etl" in done.stdout + done.stderr


@pytest.mark.parametrize("text", named("cron"))
def test_lines_of_a_crontab_have_a_rule_and_a_command_that_runs(
    text: str, at_desk: dict[str, str], server: OrionServer, tmp_path: Path
) -> None:
    for line in text.splitlines():
        *rule, command = line.split(maxsplit=5)
        CronSchedule(cron=" ".join(rule))
        once(command.replace("https://orion.example.org/api", server.api), at_desk, tmp_path)


@pytest.mark.parametrize("text", named("ini"))
def test_a_unit_of_systemd_is_read_and_starts_the_agent(
    text: str, at_desk: dict[str, str], server: OrionServer, tmp_path: Path
) -> None:
    tools = at_desk["PATH"].partition(os.pathsep)[0]
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert service["EnvironmentFile"] == "/etc/orion/agent.env" and service["Restart"] == "always"
    name, _, _ = service["Environment"].partition("=")
    assert name == "ORION_API_URL"
    once(service["ExecStart"].replace("/opt/flows/.venv/bin", tools), at_desk, tmp_path)
    if shutil.which("systemd-analyze"):
        file = tmp_path / "orion-agent.service"
        file.write_text(text.replace("/opt/flows/.venv/bin", tools))
        checked = subprocess.run(
            ["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60
        )
        about = [line for line in checked.stderr.splitlines() if file.name in line and "nknown" in line]
        assert about == [], checked.stderr


@pytest.mark.parametrize("text", named("dockerfile"))
def test_an_image_installs_this_distribution_and_its_command_runs(
    text: str, at_desk: dict[str, str], tmp_path: Path
) -> None:
    lines = [line.partition(" ")[::2] for line in text.splitlines()]
    assert {word for word, _ in lines} <= {"FROM", "COPY", "RUN", "WORKDIR", "CMD"}
    assert lines[0] == ("FROM", "python:3.12-slim")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for word, rest in lines:
        if word == "RUN":
            assert shlex.split(rest)[:3] == ["pip", "install", project["name"]]
        if word == "CMD":
            once(json.loads(rest), at_desk, tmp_path)


@pytest.mark.parametrize("text", named("yaml"))
def test_yaml_is_what_its_reader_takes(text: str, tmp_path: Path) -> None:
    content = yaml.safe_load(text)
    if "scrape_configs" in content:  # of another program
        return
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump({"name": "d", "flow_name": "f", "entrypoint": "flows.py:f", **content}))
    (deployment,) = read_file(file)
    assert deployment.job_variables == content["job_variables"]


def test_the_manifest_that_the_kubernetes_page_applies_is_made_of_known_kinds(desk: dict[str, str]) -> None:
    page = (CHECKOUT / "docs" / "how-to" / "kubernetes.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("orion kubernetes manifest orion")]
    command, _, apply = line.partition(" | ")
    assert apply == "kubectl apply -f -"
    made = subprocess.run(
        shlex.split(command), env=desk, capture_output=True, text=True, timeout=60, check=True
    )
    kinds = [part["kind"] for part in yaml.safe_load_all(made.stdout)]
    assert set(kinds) == {"ServiceAccount", "Role", "RoleBinding", "Deployment", "Service"}
    assert "registry.example.org/orion:1" in made.stdout


FRAGMENTS = [
    pytest.param(block.text, id=f"{page}-{n}")
    for n, (page, block) in enumerate(found("python"))
    if not block.title and page != "docs/design.md" and "reference" not in page
]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_fragments_of_code_run(text: str) -> None:
    """What stands under `if __name__ == "__main__"` stays: it serves until it is told to stop."""
    from orion.testing import test_harness as harness

    with harness():
        exec(compile(text, "fragment", "exec"), {"__name__": "fragment"})
