"""Docker images: when they are pulled, and how."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.docker_container import PullPolicy

if TYPE_CHECKING:
    from orion.blocks.infrastructure.docker_api import DockerApi
    from orion.blocks.infrastructure.docker_container import DockerContainer, DockerRegistry


def split(image: str) -> tuple[str, str]:
    """Name and tag, or name and digest: `host:5000/flows:1` is `host:5000/flows` and `1`."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")


def policy_of(block: DockerContainer) -> PullPolicy:
    """The policy that was chosen; else `latest` is always pulled, as it moves, and other tags when missing."""
    moving = split(block.image)[1] == "latest"
    return block.image_pull_policy or ("ALWAYS" if moving else "IF_NOT_PRESENT")


async def pull(api: DockerApi, image: str, registry: DockerRegistry | None) -> None:
    """Pull an image. The engine answers 200 and tells of failures in the stream."""
    name, tag = split(image)
    headers = {"X-Registry-Auth": _account(registry)} if registry else {}
    rest = b""
    async for chunk in api.stream(
        "POST", "/images/create", params={"fromImage": name, "tag": tag}, headers=headers
    ):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _look(line, image)
    _look(rest, image)


def _look(line: bytes, image: str) -> None:
    told = json.loads(line) if line.strip() else {}
    if "error" in told:
        raise InfrastructureError(
            f"The image {image!r} cannot be pulled: {told['error']}. Is its name right, does it exist, "
            "and does the block need an image_registry?"
        )


def _account(registry: DockerRegistry) -> str:
    account = {
        "username": registry.username,
        "password": registry.password.get_secret_value(),
        "serveraddress": registry.registry_url,
    }
    return base64.urlsafe_b64encode(json.dumps(account).encode()).decode()
