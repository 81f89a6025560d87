"""Infrastructure beyond a process of the agent's machine: what the agent asks of it, and where each kind is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from orion.errors import Invalid, OrionError

KINDS = {"docker-container": "docker:Docker", "kubernetes-job": "kubernetes:Kubernetes"}
"""Slug of the block → its module in this package and the class that runs it."""

LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
Write = Callable[[bytes], None]
Tell = Callable[[int, str], None]
"""Hears what a run that has not begun waits for: a level of logging and a sentence."""


class InfrastructureError(OrionError):
    """The infrastructure did not do what it was asked."""


class NotBegun(InfrastructureError):
    """The run was handed over and never began; the message says all there is to say."""


@dataclass(frozen=True)
class Exit:
    """How a run's container ended: its exit code, if anybody knows it, and what there is to say beside."""

    code: int | None
    reason: str = ""

    def __str__(self) -> str:
        code = "the exit code is not known" if self.code is None else f"exit code {self.code}"
        return f"{self.reason} ({code})" if self.reason else code


class Infrastructure(Protocol):
    """What the agent asks of Docker and Kubernetes. A handle is a text by which a later agent finds the run again."""

    tell: Tell

    async def start(self, run: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]) -> str:
        """Start the run; its handle. Raises `InfrastructureError` with what to do about it."""

    async def environment(self, handle: str) -> dict[str, str]:
        """What a started run was given; empty when it is gone or over."""

    async def watch(self, handle: str, write: Write, *, old: bool = False) -> Exit:
        """Pass the run's output on until it has ended; of an `old` one only what it writes from now on."""

    async def kill(self, handle: str, grace: float) -> None:
        """Ask the run to end, and end it after the grace."""

    async def close(self) -> None:
        """Let go of connections."""


def infrastructure(kind: str, values: Mapping[str, Any]) -> Infrastructure:
    """The infrastructure of a kind, as a block's values and a deployment's job variables describe it."""
    if kind not in KINDS:
        raise Invalid(f"There is no infrastructure {kind!r}; there is: process, {', '.join(KINDS)}.")
    module, _, name = KINDS[kind].partition(":")
    made: Infrastructure = getattr(import_module(f"{__name__}.{module}"), name)(values)
    return made


def api_host(env: Mapping[str, str], kind: str) -> str:
    """The host of the API that a run will ask. A container cannot open a database by itself, so there has to be one."""
    host = urlsplit(env.get("ORION_API_URL", "")).hostname
    if not host:
        raise InfrastructureError(
            f"A {kind} needs the address of a server, but ORION_API_URL is not set where its agent runs: "
            "start `orion start --host 0.0.0.0` and set ORION_API_URL to an address that containers reach."
        )
    return host
