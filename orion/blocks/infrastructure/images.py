"""Docker images: when they are pulled, how they are pulled and pushed, and what the engine tells of it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

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
    headers = {"X-Registry-Auth": account(registry)} if registry else {}
    params = {"fromImage": name, "tag": tag}
    async for line in told(api.stream("POST", "/images/create", params=params, headers=headers)):
        if "error" in line:
            raise InfrastructureError(
                f"The image {image!r} cannot be pulled: {line['error']}. Is its name right, does it exist, "
                "and does the block need an image_registry?"
            )


async def push(api: DockerApi, image: str, registry: DockerRegistry | None) -> None:
    """Push an image to the registry that its name begins with."""
    name, tag = split(image)
    headers = {"X-Registry-Auth": account(registry)}
    async for line in told(api.stream("POST", f"/images/{name}/push", params={"tag": tag}, headers=headers)):
        if "error" in line:
            raise InfrastructureError(
                f"The image {image!r} cannot be pushed: {line['error']}. Does its name begin with the "
                "registry's host, and may the account of the registry write there?"
            )


async def told(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """What the engine tells while it works: lines of JSON."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
    if rest.strip():
        yield json.loads(rest)


def account(registry: DockerRegistry | None) -> str:
    """The header that names an account; of none, the header that the engine wants all the same."""
    return _header(_account(registry) if registry else {})


def accounts(registry: DockerRegistry | None) -> str:
    """The header that names an account for each registry."""
    return _header({host(registry): _account(registry)} if registry else {})


def host(registry: DockerRegistry) -> str:
    """The host of a registry, as names of images begin with it."""
    return registry.registry_url.split("://")[-1].strip("/")


def _account(registry: DockerRegistry) -> dict[str, str]:
    return {
        "username": registry.username,
        "password": registry.password.get_secret_value(),
        "serveraddress": registry.registry_url,
    }


def _header(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
