"""Storing: the code of a deployment goes to a storage block, from where each run fetches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orion.blocks import snapshots
from orion.blocks.core import Block
from orion.blocks.registry import slugify
from orion.blocks.snapshots import Sent
from orion.blocks.storages import named
from orion.deployments.files import HEAD, DeploymentFile
from orion.errors import Invalid


def store(
    deployment: DeploymentFile,
    storage: str | Block,
    *,
    skip_upload: bool = False,
    ignore_file: str | None = None,
    left_out: Sequence[Path] = (),
    tell: snapshots.Tell | None = None,
) -> Sent | None:
    """Upload the folder of a deployment, and have the deployment say where its code is; None: nothing was sent.

    `storage` is a block, or `type/name` of a saved one, with a folder of it after that: `s3/prod/team`.
    """
    block, deployment.storage, inside = named(storage)
    folder = Path(deployment.path)
    if skip_upload or not snapshots.takes_code(block):
        deployment.path = inside
        return None
    _check(block, folder)
    version = snapshots.look(folder, ignore_file, [*left_out, *_deployment_files(folder)])
    file = deployment.entrypoint.rpartition(":")[0]
    if file not in version.files:
        raise Invalid(f"The ignore file leaves out {file}, which the flow is in.")
    place = "/".join(filter(None, (inside, slugify(deployment.flow_name) or "flow")))
    sent = snapshots.upload(block, folder, version, place, tell)
    deployment.path = sent.path
    return sent


def fetched(deployment: DeploymentFile, folder: Path) -> str:
    """The code of a deployment in a folder of this machine, if it is in a storage; where it is."""
    if deployment.storage is None:
        return deployment.path
    block, _, inside = named(deployment.storage)
    snapshots.fetch(block, "/".join(filter(None, (inside, deployment.path.strip("/")))), folder)
    return str(folder)


def _check(block: Block, folder: Path) -> None:
    if folder in (Path("/"), Path.home()):
        raise Invalid(
            f"The folder {folder} would be uploaded, with all in it: build in the folder of the code."
        )
    base = getattr(block, "base", None)
    if isinstance(base, Path) and base.is_relative_to(folder):
        raise Invalid(f"The storage {base} lies in the folder {folder} that would be uploaded to it.")


def _deployment_files(folder: Path) -> list[Path]:
    """Deployment files name the version of the code; as part of it they would change it each time."""
    first = HEAD.partition("{")[0]
    return [file for file in folder.glob("*.yaml") if file.read_text(errors="replace").startswith(first)]
