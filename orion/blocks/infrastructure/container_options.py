"""What the Docker Engine is told of a container: the body of `POST /containers/create`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from orion.blocks.infrastructure import LOOPBACK, InfrastructureError, api_host
from orion.blocks.infrastructure.docker_container import DockerContainer

GATEWAY = "host.docker.internal"
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def create_body(
    block: DockerContainer, run: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]
) -> dict[str, Any]:
    """The container of a run."""
    host: dict[str, Any] = {
        "Binds": block.volumes,
        "Privileged": block.privileged,
        "Memory": size(block.mem_limit),
        "MemorySwap": size(block.memswap_limit),
        "NanoCpus": round((block.cpus or 0) * 1e9),
    }
    mode = block.network_mode or (block.networks[0] if block.networks else None)
    host |= {"NetworkMode": mode} if mode else {}
    if api_host(env, "Docker container") in LOOPBACK and mode != "host":
        env = {**env, "ORION_API_URL": _through_gateway(env["ORION_API_URL"])}
        host["ExtraHosts"] = [f"{GATEWAY}:host-gateway"]
    labels = {"orion.flow-run-id": run["id"], "orion.flow-run-name": run["name"], **block.labels}
    return {
        "Image": block.image,
        "Cmd": list(block.command or command),
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Labels": labels,
        "Tty": False,
        "HostConfig": host,
    }


def size(text: int | str | None) -> int:
    """Bytes of `512m`; 0 is no limit."""
    if text is None:
        return 0
    found = re.fullmatch(r"(-?\d+)([bkmg]?)b?", str(text).strip().lower())
    if not found:
        raise InfrastructureError(f"{text!r} is no amount of memory: write 512m, 2g or a number of bytes.")
    return int(found[1]) * UNITS[found[2]]


def _through_gateway(url: str) -> str:
    """The address under which a container sees a server of its own machine."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{GATEWAY}{port}"))
