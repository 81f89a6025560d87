"""The manifest of a flow run's Kubernetes job."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from orion.blocks.infrastructure import LOOPBACK, InfrastructureError, api_host
from orion.blocks.infrastructure.json_patch import patched
from orion.blocks.infrastructure.kubernetes_job import KubernetesJob

IMAGE = "orion"


def base_job() -> dict[str, Any]:
    """What every job begins with: one container, started once."""
    container = {"name": "flow-run", "image": IMAGE}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"labels": {}},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {}}, "spec": pod}},
    }


def job_manifest(
    block: KubernetesJob, run: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]
) -> dict[str, Any]:
    """The job of a run. Retries are orion's business, so the cluster makes none."""
    if api_host(env, "Kubernetes job") in LOOPBACK:
        raise InfrastructureError(
            f"A Kubernetes job cannot reach the server at {env['ORION_API_URL']}, which is an address of the "
            "agent's own machine: set ORION_API_URL to one that the cluster's pods reach."
        )
    job = copy.deepcopy(block.job) or base_job()
    try:
        _complete(job, block, run, command, env)
    except (KeyError, TypeError, IndexError) as error:
        raise InfrastructureError(
            f"The block's job is no manifest of a job with a container: {error!r}"
        ) from None
    made: dict[str, Any] = patched(job, block.customizations)
    return made


def _complete(
    job: dict[str, Any],
    block: KubernetesJob,
    run: Mapping[str, Any],
    command: Sequence[str],
    env: Mapping[str, str],
) -> None:
    labels = {"orion/flow-run-id": run["id"], **block.labels}
    spec, metadata = job["spec"], job.setdefault("metadata", {})
    metadata |= {"namespace": block.namespace, "generateName": f"{_name(block.name or run['name'])}-"}
    pod = spec["template"]["spec"]
    for place in (metadata, spec["template"].setdefault("metadata", {})):
        place["labels"] = {**(place.get("labels") or {}), **labels}
    spec["backoffLimit"] = 0
    spec |= {} if block.finished_job_ttl is None else {"ttlSecondsAfterFinished": block.finished_job_ttl}
    pod |= {"serviceAccountName": block.service_account_name} if block.service_account_name else {}
    container = pod["containers"][0]
    container |= {"image": block.image} if block.image else {}
    container |= {"imagePullPolicy": block.image_pull_policy} if block.image_pull_policy else {}
    container["command"] = list(block.command or container.get("command") or command)
    container["env"] = [item for item in container.get("env") or [] if item["name"] not in env] + [
        {"name": name, "value": value} for name, value in env.items()
    ]


def _name(wanted: str) -> str:
    """A name as Kubernetes allows them, with room for the ending that the cluster adds."""
    return re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:50].strip("-") or "orion-run"
