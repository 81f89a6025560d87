"""Flow runs as Kubernetes jobs."""

from __future__ import annotations

from typing import Any, Literal

from orion.blocks.capabilities import InfrastructureBlock
from orion.blocks.fields import field
from orion.blocks.infrastructure.kubernetes_cluster_config import KubernetesClusterConfig


class KubernetesJob(InfrastructureBlock):
    """Runs each flow run in a Kubernetes job of its own.

    Example:
        from orion.blocks import KubernetesJob

        KubernetesJob(image="registry.example.org/flows:1", namespace="etl").save("etl")
    """

    _block_type_name = "Kubernetes Job"
    _block_type_slug = "kubernetes-job"

    image: str | None = field(None, description="The image; the job template's if left out.")
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] | None = field(
        None, description="When the cluster pulls the image."
    )
    namespace: str = field("default", description="The namespace of the job.")
    service_account_name: str | None = field(None, description="The account that the run has in the cluster.")
    name: str | None = field(None, description="The beginning of the job's name; the run's if left out.")
    command: list[str] | None = field(None, description="The command; orion's engine if it is left out.")
    env: dict[str, str | None] = field(default_factory=dict, description="Environment variables.")
    labels: dict[str, str] = field(default_factory=dict, description="Labels of the job and its pod.")
    job: dict[str, Any] = field(
        default_factory=dict, description="A job manifest to begin with, instead of orion's own."
    )
    customizations: list[dict[str, Any]] = field(
        default_factory=list, description="JSON 6902 patches, applied to the finished manifest."
    )
    finished_job_ttl: int | None = field(
        None, description="Seconds after which the cluster removes an ended job."
    )
    job_watch_timeout_seconds: float = field(5, description="How long the job may have no pod.")
    pod_watch_timeout_seconds: float = field(
        60, description="How long the pod may take to run its container."
    )
    stream_output: bool = field(True, description="Whether what it prints goes to the agent's output.")
    cluster_config: KubernetesClusterConfig | None = field(
        None, description="The cluster; if left out, that of the agent's pod or its kubeconfig."
    )

    def job_variables(self) -> dict[str, Any]:
        if self.cluster_config is not None:
            raise ValueError("Save the block and give a deployment its name: keys of a cluster are in it.")
        given = {name: getattr(self, name) for name in self._block_fields}
        return {name: value for name, value in given.items() if value not in (None, {}, [])} | {
            "type": "kubernetes-job"
        }
