"""Flows that are kept in the API itself, as a block without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from orion.deployments.packaging.packager import Packager
from orion.sdk.flow_serializers import FlowSerializer, SourceSerializer
from orion.sdk.packages import Package, pack

if TYPE_CHECKING:
    from orion.deployments.files import DeploymentFile
    from orion.sdk.flows import Flow


class OrionPackager(Packager):
    """Stores the flow in the API, encrypted as every block is: a deployment without any storage."""

    def __init__(self, serializer: FlowSerializer | None = None) -> None:
        self.serializer = serializer or SourceSerializer()

    def package(self, flow: Flow[Any, Any], deployment: DeploymentFile) -> Package:
        """Store the flow. Each package stays, so that runs that have begun and older deployment files keep theirs."""
        from orion.blocks import JSON
        from orion.blocks.storages import named

        package = pack(flow, self.serializer)
        _, deployment.storage, deployment.path = named(JSON(value=msgspec.to_builtins(package)))
        return package
