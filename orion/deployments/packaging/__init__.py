"""Packaging: a flow made into something that other machines run without its file: text in a storage, or an image."""

from __future__ import annotations

from orion.deployments.packaging.environments import CondaEnvironment, PythonEnvironment
from orion.deployments.packaging.in_api import OrionPackager
from orion.deployments.packaging.in_files import FilePackager
from orion.deployments.packaging.in_image import DockerPackager
from orion.deployments.packaging.packager import Packager
from orion.sdk.flow_serializers import FlowSerializer, ImportSerializer, PickleSerializer, SourceSerializer

__all__ = [
    "CondaEnvironment",
    "DockerPackager",
    "FilePackager",
    "FlowSerializer",
    "ImportSerializer",
    "OrionPackager",
    "Packager",
    "PickleSerializer",
    "PythonEnvironment",
    "SourceSerializer",
]
