"""Flows that are kept in a Docker image, with all that they need."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orion.deployments.packaging.environments import Environment, PythonEnvironment
from orion.deployments.packaging.packager import Packager
from orion.errors import Invalid

if TYPE_CHECKING:
    from orion.blocks import DockerRegistry
    from orion.deployments.files import DeploymentFile
    from orion.deployments.packaging.context import Context
    from orion.sdk.flows import Flow

LOCATION = "/opt/orion/flows"
IMAGES = ("docker-container", "kubernetes-job")  # the infrastructure that runs an image


@dataclass(frozen=True)
class DockerPackager(Packager):
    """Builds an image of the folder of the code, by the Docker Engine of this machine; its runs are containers of it.

    The image is `base_image` (by default Python's own) with the packages of `environment` (by default what is
    installed here), or what the file `dockerfile` says. `image` is its name, by default the flow's; without a tag the
    tag is made of the content. It is pushed with `push`, and where a `registry` gives the account for that.
    """

    image: str | None = None
    base_image: str | None = None
    environment: Environment | None = None
    dockerfile: str | Path | None = None
    platform: str | None = None
    image_flow_location: str = field(default_factory=lambda: LOCATION)
    registry: DockerRegistry | str | None = None
    push: bool | None = None
    ignore_file: str | None = None

    def __post_init__(self) -> None:
        if self.dockerfile is not None and (self.base_image or self.environment):
            raise Invalid(
                "A Dockerfile says itself what the image is made of: give it without base_image and environment."
            )
        if not self.image_flow_location.startswith("/"):
            raise Invalid(
                f"image_flow_location={self.image_flow_location!r} must be an absolute path in the image."
            )

    def package(self, flow: Flow[Any, Any], deployment: DeploymentFile) -> str:
        """Build the image and push it, if it is to be pushed; its name."""
        from orion.blocks.filesystem import call
        from orion.deployments.packaging.context import Context

        folder = Path(deployment.path)
        registry, account = self._account()
        context = Context(folder, *self._dockerfile(folder), self.ignore_file)
        context.require(deployment.entrypoint.rpartition(":")[0])
        image = self._named(flow, context, registry)
        variables = _variables(deployment, image, account)
        call(lambda: asyncio.run(self._make(context, image, registry)))
        deployment.path, deployment.job_variables = self.image_flow_location, variables
        return image

    def _dockerfile(self, folder: Path) -> tuple[str, dict[str, str]]:
        """The text of the Dockerfile, and the files beside it that it copies."""
        from orion.deployments.packaging.dockerfile import extended, written

        if self.dockerfile is not None:
            return extended(folder / self.dockerfile, self.image_flow_location), {}
        environment = self.environment or PythonEnvironment.from_environment()
        base = self.base_image or environment.base_image
        return written(base, environment.install(), self.image_flow_location), environment.files()

    def _account(self) -> tuple[DockerRegistry | None, str]:
        """The registry, and what a deployment calls it."""
        from orion.blocks.storages import named

        if self.registry is None:
            return None, ""
        given = self.registry
        if isinstance(given, str) and "/" not in given:
            given = f"docker-registry/{given}"
        found, name, _ = named(given)
        return found, name

    def _named(self, flow: Flow[Any, Any], context: Context, registry: DockerRegistry | None) -> str:
        from orion.blocks.infrastructure.images import host
        from orion.blocks.registry import slugify

        name = self.image or slugify(flow.name) or "flow"
        if registry and not name.startswith(f"{host(registry)}/"):
            name = f"{host(registry)}/{name}"
        return name if ":" in name.rpartition("/")[2] else f"{name}:{context.id}"

    async def _make(self, context: Context, image: str, registry: DockerRegistry | None) -> None:
        from orion.blocks.infrastructure.docker_api import DockerApi
        from orion.blocks.infrastructure.images import push
        from orion.deployments.packaging.engine import build

        api = DockerApi()
        try:
            await build(api, context, image, self.platform, registry)
            if self.push if self.push is not None else registry is not None:
                await push(api, image, registry)
        finally:
            await api.http.aclose()


def _variables(deployment: DeploymentFile, image: str, registry: str) -> dict[str, Any]:
    """The job variables that have an agent run the image."""
    given = deployment.job_variables
    kind = (deployment.infrastructure or given.get("type") or IMAGES[0]).partition("/")[0]
    if kind not in IMAGES:
        raise Invalid(
            f"An image is run by {' or '.join(IMAGES)}, not by {kind}: name such an infrastructure."
        )
    account = registry and kind == IMAGES[0]
    return {
        **given,
        **({} if deployment.infrastructure else {"type": kind}),
        "image": image,
        **({"image_registry": f"{{{{ orion.blocks.{registry.replace('/', '.')} }}}}"} if account else {}),
    }
