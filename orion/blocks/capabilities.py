"""What blocks can do besides holding files: tell people something, and run flows."""

from __future__ import annotations

from typing import Any

from orion.blocks.core import Block


class NotificationBlock(Block):
    """A block that sends messages."""

    _block_schema_capabilities = ("notify",)

    def notify(self, body: str, subject: str | None = None) -> Any:
        """Send a message, with a subject where the channel has one; raises when it is refused."""
        raise TypeError(f"{type(self).__name__} sends nothing: it must define notify")


class InfrastructureBlock(Block):
    """A block that says where and how a flow run's process is started."""

    _block_schema_capabilities = ("run-infrastructure",)

    def job_variables(self) -> dict[str, Any]:
        """The job variables of a deployment that runs on this infrastructure."""
        raise TypeError(f"{type(self).__name__} runs nothing: it must define job_variables")
