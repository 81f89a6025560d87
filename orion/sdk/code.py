"""The code of a deployment, where its flow runs: in a folder of the machine, in a storage, or in a package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orion.blocks import Block
    from orion.model.deployments import Deployment
    from orion.sdk.client import SyncClient
    from orion.sdk.flows import Flow


def storage_of(deployment: Deployment, client: SyncClient) -> Block | None:
    """The storage that a deployment's code is in; None if it is on the machine."""
    if deployment.storage_document_id is None:
        return None
    from orion.blocks import Block, api, steps

    return api.blocking(steps.load_by_id(Block, deployment.storage_document_id), client)


def fetch(storage: Block, deployment: Deployment, folder: Path) -> Flow[Any, Any] | None:
    """Put the code into a folder, which is empty; of a package the flow itself."""
    from orion.blocks import snapshots
    from orion.sdk.packages import package_in, unpack

    package = package_in(storage, deployment.path)
    if package is not None:
        return unpack(package, folder)
    snapshots.fetch(storage, deployment.path, folder)
    return None


def at(folder: Path | None, entrypoint: str) -> str:
    """An entrypoint counted from a folder; modules are found by their name."""
    return str(folder / entrypoint) if folder is not None and ".py:" in entrypoint else entrypoint
