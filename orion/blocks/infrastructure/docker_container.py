"""Flow runs as Docker containers."""

from __future__ import annotations

from typing import Any, Literal

from orion.blocks.capabilities import InfrastructureBlock
from orion.blocks.core import Block
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr

PullPolicy = Literal["ALWAYS", "IF_NOT_PRESENT", "NEVER"]


class DockerRegistry(Block):
    """The account with which images are pulled from a registry.

    Example:
        from orion.blocks import DockerRegistry

        DockerRegistry(registry_url="registry.example.org", username="me", password="...").save("ours")
    """

    _block_type_name = "Docker Registry"
    _block_type_slug = "docker-registry"

    username: str = field(description="The name of the account.")
    password: SecretStr = field(description="Its password or token.")
    registry_url: str = field(description="The registry's host, such as registry.example.org.")


class DockerContainer(InfrastructureBlock):
    """Runs each flow run in a container of its own, through the Docker Engine of the agent's machine.

    Example:
        from orion.blocks import DockerContainer

        DockerContainer(image="flows:1", networks=["backend"], mem_limit="1g").save("one")
    """

    _block_type_name = "Docker Container"
    _block_type_slug = "docker-container"

    image: str = field(description="The image; orion and the flow's code are installed in it.")
    image_pull_policy: PullPolicy | None = field(
        None, description="If left out: ALWAYS for the tag latest, else IF_NOT_PRESENT."
    )
    image_registry: DockerRegistry | None = field(
        None, description="The account to pull with; none for public images."
    )
    name: str | None = field(None, description="The container's name; the run's if left out.")
    command: list[str] | None = field(None, description="The command; orion's engine if it is left out.")
    env: dict[str, str | None] = field(default_factory=dict, description="Environment variables.")
    labels: dict[str, str] = field(default_factory=dict, description="Labels of the container.")
    networks: list[str] = field(default_factory=list, description="Networks to join, by name.")
    network_mode: str | None = field(
        None, description="bridge, host, none or container:<id>; not with networks."
    )
    volumes: list[str] = field(default_factory=list, description="Mounts: /on/host:/in/container[:ro].")
    auto_remove: bool = field(False, description="Whether the container is removed when it has ended.")
    stream_output: bool = field(True, description="Whether what it prints goes to the agent's output.")
    mem_limit: int | str | None = field(None, description="Memory at most: bytes, or 512m, 2g.")
    memswap_limit: int | str | None = field(None, description="Memory and swap together; -1 is no limit.")
    cpus: float | None = field(None, description="Processors at most: 0.5 is half of one.")
    privileged: bool = field(False, description="Whether the container may do all that the machine may.")

    def job_variables(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self._block_fields}
        if self.image_registry is not None:
            raise ValueError("Save the block and give a deployment its name: a registry's password is in it.")
        return {name: value for name, value in given.items() if value} | {"type": "docker-container"}
