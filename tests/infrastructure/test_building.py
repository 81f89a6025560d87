"""Deployments that say where they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion.blocks import DockerContainer
from orion.cli.root import run
from orion.settings import temporary_settings
from tests.agent.house import House

pytestmark = pytest.mark.filterwarnings(
    "ignore:The flow"
)  # each test has a file of its own with the same flows


@pytest.fixture
def folder(flow_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(flow_file.parent)
    return flow_file.parent


@pytest.mark.row("INF-02")
def test_a_deployment_is_built_for_a_kind_of_infrastructure(house: House, folder: Path) -> None:
    with temporary_settings({"ORION_API_URL": house.api}):
        words = ["-n", "x", "-i", "docker-container", "--override", "image=flows:1", "--apply"]
        assert run(["deployment", "build", "flows.py:hello", *words]) == 0
    found = house.get("/deployments/name/hello/x")
    assert found["job_variables"] == {"type": "docker-container", "image": "flows:1"}


@pytest.mark.row("CLI-08")
@pytest.mark.row("INF-02")
@pytest.mark.row("DEP-02")
def test_a_deployment_is_built_for_a_saved_block(
    house: House, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with temporary_settings({"ORION_API_URL": house.api}):
        document = DockerContainer(image="flows:1").save("main")
        build = ["deployment", "build", "flows.py:hello", "--apply", "-n", "x", "-ib"]
        assert run([*build, "docker-container/main"]) == 0
        assert house.get("/deployments/name/hello/x")["infrastructure_document_id"] == document
        assert run([*build, "docker-container/gone"]) == 1
    assert "There is no block 'docker-container/gone'" in capsys.readouterr().err
