"""Packager: what makes a flow ready for other machines, and has its deployment say where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orion.deployments.files import DeploymentFile
    from orion.sdk.flows import Flow


class Packager(ABC):
    """A way to package flows: given as `packager` where a deployment is made."""

    @abstractmethod
    def package(self, flow: Flow[Any, Any], deployment: DeploymentFile) -> Any:
        """Package the flow, and write into its deployment where runs find it.

        `deployment.path` is the folder of the code on this machine, `deployment.entrypoint` the file and flow in it.
        """
