"""Entrypoints: whether the flow of a deployment file is where the file says, without loading its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from orion.deployments.files import DeploymentFile


def astray(deployment: DeploymentFile) -> str | None:
    """Why no agent of this machine would find the flow. Not a fault: agents elsewhere may have what is missing here.

    Code in a storage or an image is not looked for, nor is a module, which is found by its name.
    """
    place, _, name = deployment.entrypoint.rpartition(":")
    if _is_elsewhere(deployment) or (place and not place.endswith(".py")):
        return None
    if not place or not name:
        return "entrypoint: it is not of the form path/to/file.py:flow."
    file = Path(deployment.path) / place
    if not file.is_file():
        missing = "folder" if not Path(deployment.path).is_dir() else "file"
        where = deployment.path if missing == "folder" else file
        return f"entrypoint: there is no {missing} {where} on this machine, and its agents look for the flow there."
    return _without(file, name)


def _is_elsewhere(deployment: DeploymentFile) -> bool:
    """Whether the code is in a storage, or where a container has it."""
    kind = str(deployment.infrastructure or deployment.job_variables.get("type") or "process")
    return deployment.storage is not None or kind.partition("/")[0] != "process"


def _without(file: Path, name: str) -> str | None:
    """What is wrong with a file in which no flow of that name can be."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        return f"entrypoint: {file} cannot be loaded: {error}."
    except OSError as error:
        return f"entrypoint: {file} cannot be read: {error.strerror}."
    known = set(_names(tree))
    if known & {name, name.replace("-", "_"), "*"}:
        return None
    return f"entrypoint: there is no {name!r} in {file}."


def _names(tree: ast.Module) -> Iterator[str]:
    """What a module may call its own, and every text in it: a flow may be called by its name as well."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name
            case ast.Constant(value=str(text)):
                yield text
