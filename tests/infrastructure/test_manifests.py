"""The manifests that the command line prints."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orion.cli.root import run


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["kubernetes", "manifest", *words]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


@pytest.mark.row("INF-05")
@pytest.mark.row("CLI-14")
def test_the_manifest_of_a_server_has_an_agent_with_the_rights_it_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = printed(capsys, "orion", "--image-tag", "orion:7", "--log-level", "DEBUG", "-n", "etl")
    kinds = {item["kind"]: item for item in found}
    assert {item["metadata"]["namespace"] for item in found} == {"etl"}
    [server, agent] = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert server["image"] == agent["image"] == "orion:7"
    assert {"name": "ORION_LOGGING_LEVEL", "value": "DEBUG"} in server["env"]
    assert {"name": "ORION_API_URL", "value": "http://orion.etl:4200/api"} in agent["env"]
    assert [subject["namespace"] for subject in kinds["RoleBinding"]["subjects"]] == ["etl"]
    [jobs] = [rule for rule in kinds["Role"]["rules"] if rule["resources"] == ["jobs"]]
    assert {"create", "delete"} <= set(jobs["verbs"])
    assert kinds["Service"]["spec"]["selector"] == {"app": "orion"}


@pytest.mark.row("INF-05")
@pytest.mark.row("CLI-14")
def test_the_manifest_of_a_job_can_be_a_blocks_template(capsys: pytest.CaptureFixture[str]) -> None:
    from orion.blocks import KubernetesJob
    from orion.blocks.infrastructure.job_manifest import job_manifest

    [template] = printed(capsys, "flow-run-job")
    block = KubernetesJob(job=template, image="flows:1")
    made = job_manifest(block, {"id": "1", "name": "Run 1"}, ["x"], {"ORION_API_URL": "http://orion/api"})
    assert made["metadata"]["generateName"] == "run-1-"
    assert made["spec"]["template"]["spec"]["containers"][0]["command"] == ["x"]
