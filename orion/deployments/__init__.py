"""Deployments: flows made ready for agents. `build` describes one, `apply` saves it, `run_deployment` runs it."""

from __future__ import annotations

from orion.deployments.applying import apply, ready
from orion.deployments.building import build, write_manifest
from orion.deployments.deployment import Deployment
from orion.deployments.files import DeploymentFile, read_file, write_file
from orion.deployments.running import execute, find, run_deployment
from orion.deployments.serving import serve

__all__ = [
    "Deployment",
    "DeploymentFile",
    "apply",
    "build",
    "execute",
    "find",
    "read_file",
    "ready",
    "run_deployment",
    "serve",
    "write_file",
    "write_manifest",
]
