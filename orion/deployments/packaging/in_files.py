"""Flows that are kept as a file in a storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from orion.deployments.packaging.packager import Packager
from orion.sdk.flow_serializers import FlowSerializer, SourceSerializer
from orion.sdk.packages import FOLDER, Package, pack

if TYPE_CHECKING:
    from orion.blocks import Block
    from orion.deployments.files import DeploymentFile
    from orion.sdk.flows import Flow


class FilePackager(Packager):
    """Writes the flow into a storage: a block, or `type/name` of a saved one, with a folder after it: s3/prod/team."""

    def __init__(self, storage: str | Block, serializer: FlowSerializer | None = None) -> None:
        self.storage = storage
        self.serializer = serializer or SourceSerializer()

    def package(self, flow: Flow[Any, Any], deployment: DeploymentFile) -> Package:
        """Write the package under a name of its content: older ones stay, the same one is written once."""
        from orion.blocks.filesystem import call
        from orion.blocks.registry import slugify
        from orion.blocks.snapshots import takes_code
        from orion.blocks.storages import named
        from orion.errors import Invalid

        package = pack(flow, self.serializer)
        storage, name, inside = named(self.storage)
        if not takes_code(storage):
            raise Invalid(f"The storage {name} is only read, so no package can be written to it.")
        path = "/".join(filter(None, (inside, slugify(flow.name) or "flow", FOLDER, f"{package.id}.json")))
        call(storage.write_path, path, msgspec.json.encode(package))
        deployment.storage, deployment.path = name, path
        return package
