"""Flow runs as processes of the agent's machine."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from orion.blocks.capabilities import InfrastructureBlock
from orion.blocks.fields import field


class Process(InfrastructureBlock):
    """Runs each flow run in a process of its own on the agent's machine.

    Example:
        from orion.blocks import Process

        Process(env={"REGION": "eu"}, working_dir="/srv/flows").save("eu")
    """

    _block_type_slug = "process"

    env: dict[str, str | None] = field(
        default_factory=dict, description="Environment variables; null takes one away."
    )
    working_dir: str | None = field(
        None, description="Where the process starts; the flow's folder if left out."
    )
    command: list[str] | None = field(None, description="The command; orion's engine if it is left out.")
    stream_output: bool = field(True, description="Whether what it prints goes to the agent's output.")

    def job_variables(self) -> dict[str, Any]:
        given = {"env": self.env, "working_dir": self.working_dir, "command": self.command}
        return {name: value for name, value in given.items() if value} | {"stream_output": self.stream_output}

    def run(self) -> int:
        """Run the command here and wait for it; its exit code."""
        if not self.command:
            raise ValueError("The block has no command to run.")
        merged = {**os.environ, **self.env}
        environment = {name: value for name, value in merged.items() if value is not None}
        output = None if self.stream_output else subprocess.DEVNULL
        done = subprocess.run(self.command, cwd=self.working_dir, env=environment, stdout=output, check=False)
        return done.returncode
