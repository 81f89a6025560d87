"""Runs in containers of a Docker Engine: pull, create, start, watch, stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from orion.blocks.infrastructure import Exit, InfrastructureError, Tell, Write
from orion.blocks.infrastructure.container_options import create_body
from orion.blocks.infrastructure.docker_api import DockerApi, DockerAway, DockerRefusal, frames
from orion.blocks.infrastructure.docker_container import DockerContainer
from orion.blocks.infrastructure.images import policy_of, pull
from orion.blocks.infrastructure.output import Output

log = logging.getLogger("orion.agent")

AGAIN_SECONDS = (0.1, 5.0)
TOLD_AFTER = 3  # failures in a row, which a stream that breaks off does not make
NAMES = 100  # how many suffixes are tried where a name is taken


class Docker:
    """The containers of one deployment's runs. A handle is a container's id."""

    def __init__(self, values: Mapping[str, Any], api: DockerApi | None = None) -> None:
        self.block = DockerContainer.from_values(values)
        if self.block.networks and self.block.network_mode:
            raise InfrastructureError("Give a Docker container either networks or a network_mode.")
        self.api = api or DockerApi()
        self.tell: Tell = log.log

    async def start(self, run: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]) -> str:
        """Pull the image if the policy says so, create the container under a free name and start it."""
        body = create_body(self.block, run, command, env)
        await self._provide_image()
        container = await self._create(body, _name(self.block.name or run["name"]))
        try:
            for network in self.block.networks[1:]:
                await self.api.call("POST", f"/networks/{network}/connect", json={"Container": container})
            await self.api.call("POST", f"/containers/{container}/start")
        except BaseException:
            with contextlib.suppress(InfrastructureError):
                await self._remove(container)
            raise
        return container

    async def environment(self, handle: str) -> dict[str, str]:
        """The environment of a container that still runs."""
        try:
            found = (await self.api.call("GET", f"/containers/{handle}/json")).json()
        except DockerRefusal:
            return {}
        pairs = found["Config"]["Env"] if found["State"]["Running"] else []
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    async def watch(self, handle: str, write: Write, *, old: bool = False) -> Exit:
        """Follow the container's output to its end, over lost connections and an engine that restarts."""
        output, failures = Output(write, int(time.time()) if old else 0), 0
        while True:
            try:
                await self._follow(handle, output)
                state = (await self.api.call("GET", f"/containers/{handle}/json")).json()["State"]
                if not state["Running"] and state["Status"] not in ("created", "restarting"):
                    break
                failures = 0
            except DockerRefusal as error:
                if error.code == 404:
                    return Exit(None, "somebody removed the container")
                failures += 1
            except DockerAway as error:
                failures += 1
                if failures == TOLD_AFTER:
                    log.warning("Container %s is out of sight, and asked for again: %s", handle[:12], error)
            await asyncio.sleep(min(AGAIN_SECONDS[0] * 2 ** min(failures, 10), AGAIN_SECONDS[1]))
        if self.block.auto_remove:
            with contextlib.suppress(InfrastructureError):
                await self._remove(handle)
        return _exit(state, self.block.mem_limit)

    async def kill(self, handle: str, grace: float) -> None:
        """Stop the container: SIGTERM, and SIGKILL after the grace."""
        try:
            seconds = max(1, round(grace))
            await self.api.call(
                "POST", f"/containers/{handle}/stop", params={"t": seconds}, timeout=seconds + 30
            )
        except DockerRefusal as error:
            if error.code != 404:
                await self.api.call("POST", f"/containers/{handle}/kill")

    async def close(self) -> None:
        """Let go of the connections."""
        await self.api.http.aclose()

    async def _provide_image(self) -> None:
        """Have the image on the engine, as the pull policy says."""
        image, policy = self.block.image, policy_of(self.block)
        if policy != "ALWAYS":
            try:
                await self.api.call("GET", f"/images/{image}/json")
                return
            except DockerRefusal as error:
                if error.code != 404:
                    raise
                if policy == "NEVER":
                    raise InfrastructureError(
                        f"The image {image!r} is not on this machine and image_pull_policy is NEVER: "
                        "pull or build it there, or change the policy."
                    ) from None
        self.tell(logging.INFO, f"Pulling the image {image!r}.")
        await pull(self.api, image, self.block.image_registry)

    async def _create(self, body: dict[str, Any], name: str) -> str:
        """The id of a new container; where the name is taken a number is put behind it."""
        for number in range(NAMES):
            params = {"name": f"{name}-{number}" if number else name}
            try:
                made = await self.api.call("POST", "/containers/create", params=params, json=body)
            except DockerRefusal as error:
                if error.code != 409:
                    raise
                continue
            container: str = made.json()["Id"]
            return container
        raise InfrastructureError(
            f"The names {name!r} to '{name}-{NAMES - 1}' are all taken on this machine."
        )

    async def _follow(self, handle: str, output: Output) -> None:
        """Pass output on until its end; a container whose log cannot be read is only waited for."""
        if self.block.stream_output:
            params = {"follow": "1", "stdout": "1", "stderr": "1", "since": str(output.since)}
            try:
                output.rewind()
                async for piece in frames(
                    self.api.stream("GET", f"/containers/{handle}/logs", params=params)
                ):
                    output.take(piece)
                return
            except DockerRefusal as error:
                if error.code == 404:
                    raise
        async for _ in self.api.stream("POST", f"/containers/{handle}/wait"):
            continue

    async def _remove(self, handle: str) -> None:
        await self.api.call("DELETE", f"/containers/{handle}", params={"force": "1", "v": "1"})


def _name(wanted: str) -> str:
    """A name as Docker allows them."""
    return re.sub(r"[^a-zA-Z0-9_.-]+", "-", wanted).strip("-_.")[:200] or "orion-run"


def _exit(state: Mapping[str, Any], limit: int | str | None) -> Exit:
    if state.get("OOMKilled"):
        return Exit(state["ExitCode"], f"the container ran out of memory; its limit is {limit or 'not set'}")
    return Exit(state["ExitCode"], state.get("Error") or "")
