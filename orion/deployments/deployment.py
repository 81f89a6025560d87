"""Deployment: a description that can be built from a flow, written to a file, and applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from orion.deployments.applying import apply
from orion.deployments.building import build_from_flow
from orion.deployments.files import DeploymentFile, read_file, write_file
from orion.deployments.options import Options

if TYPE_CHECKING:
    from orion.sdk.client import SyncClient
    from orion.sdk.flows import Flow


class Deployment(DeploymentFile, kw_only=True):
    """A deployment that is not on the server yet, or not in this form: `apply` makes it so."""

    @classmethod
    def build_from_flow(
        cls, flow: Flow[Any, Any], name: str, *, apply: bool = False, **options: Unpack[Options]
    ) -> Deployment:
        """Describe a deployment of a flow of this program; with `apply` it is applied, too."""
        made = cls._of(build_from_flow(flow, name, **options))
        if apply:
            made.apply()
        return made

    @classmethod
    def load_from_yaml(cls, path: str | Path) -> Deployment:
        """The first deployment of a file."""
        return cls._of(read_file(Path(path))[0])

    @classmethod
    def _of(cls, described: DeploymentFile) -> Deployment:
        return cls(**msgspec.structs.asdict(described))

    def apply(self, client: SyncClient | None = None) -> str:
        """Make or update the deployment on the server; its id."""
        return apply(self, client).id

    def to_yaml(self, path: str | Path) -> None:
        """Write the deployment to a file, with comments on what may be edited."""
        write_file(self, Path(path))
