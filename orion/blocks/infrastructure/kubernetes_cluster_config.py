"""A kubeconfig as a block: which cluster the jobs of an agent go to, where that is not the agent's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from orion.blocks.core import Block
from orion.blocks.fields import field
from orion.blocks.secrets import SecretDict
from orion.errors import Invalid

if TYPE_CHECKING:
    from orion.blocks.infrastructure.cluster import Cluster


class KubernetesClusterConfig(Block):
    """A kubeconfig, and the context of it to use. It holds keys of the cluster, so all of it is secret.

    Example:
        from orion.blocks import KubernetesClusterConfig

        KubernetesClusterConfig.from_file("~/.kube/config", context_name="prod").save("prod")
    """

    _block_type_name = "Kubernetes Cluster Config"
    _block_type_slug = "kubernetes-cluster-config"

    config: SecretDict = field(description="The content of a kubeconfig file.")
    context_name: str = field(description="The context of it to use.")

    @classmethod
    def from_file(cls, path: str | Path | None = None, context_name: str | None = None) -> Self:
        """The block of a file: by default KUBECONFIG or ~/.kube/config, and its current context."""
        import yaml

        given = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
        file = Path(path or given or "~/.kube/config").expanduser()
        try:
            config = yaml.safe_load(file.read_text(encoding="utf-8"))
            known = [context["name"] for context in config["contexts"]]
            name = context_name or config["current-context"]
        except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
            raise Invalid(f"{file} is no kubeconfig that can be used: {error!r}") from None
        if name not in known:
            raise Invalid(f"{file} has no context {name!r}; it has {', '.join(map(str, known)) or 'none'}.")
        return cls(config=SecretDict(config), context_name=name)

    def cluster(self) -> Cluster:
        """The cluster, and how to speak to it."""
        from orion.blocks.infrastructure import InfrastructureError
        from orion.blocks.infrastructure.cluster import of_config

        try:
            return of_config(self.config.get_secret_value(), self.context_name, Path.cwd(), "The cluster config")
        except FileNotFoundError as error:
            raise InfrastructureError(
                f"The cluster config names {error.filename}, which is not here: put the content into the config "
                "itself (kubectl config view --flatten --raw)."
            ) from None
