"""Blocks: typed, named configuration that flows and deployments share. Classes are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Block": "core",
    "field": "fields",
    "SecretStr": "secrets",
    "SecretDict": "secrets",
    "SecretJson": "secrets",
    "FileSystem": "filesystem",
    "ReadableFileSystem": "filesystem",
    "WritableFileSystem": "filesystem",
    "ReadableDeploymentStorage": "filesystem",
    "WritableDeploymentStorage": "filesystem",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from orion.blocks.core import Block
    from orion.blocks.fields import field
    from orion.blocks.filesystem import (
        FileSystem,
        ReadableDeploymentStorage,
        ReadableFileSystem,
        WritableDeploymentStorage,
        WritableFileSystem,
    )
    from orion.blocks.secrets import SecretDict, SecretJson, SecretStr


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orion.blocks' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"orion.blocks.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
