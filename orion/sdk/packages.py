"""Package: a flow as text, with what is needed to make it a flow again; and where packages are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from orion.sdk.errors import ScriptError

if TYPE_CHECKING:
    from orion.blocks import Block
    from orion.sdk.flow_serializers import FlowSerializer
    from orion.sdk.flows import Flow

FOLDER = "packages"


class Package(msgspec.Struct, kw_only=True):
    """A flow that was packaged. The digest is of the content."""

    flow_name: str
    serializer: str
    content: str
    sha256: str
    parameter_openapi_schema: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The same for the same content."""
        return self.sha256[:16]


def pack(flow: Flow[Any, Any], serializer: FlowSerializer) -> Package:
    """A flow as a package; raises `Invalid` if the serializer cannot write it."""
    content = serializer.dumps(flow)
    return Package(
        flow_name=flow.name,
        serializer=serializer.type,
        content=content,
        sha256=_digest(content),
        parameter_openapi_schema=flow.parameter_schema(),
    )


def unpack(package: Package, folder: Path) -> Flow[Any, Any]:
    """The flow of a package; `folder` is an empty one that stays while the flow runs."""
    from orion.sdk.flow_serializers import KNOWN

    if _digest(package.content) != package.sha256:
        raise ScriptError(f"The package of the flow {package.flow_name!r} was changed after it was made.")
    kind = KNOWN.get(package.serializer)
    if kind is None:
        raise ScriptError(
            f"The package of the flow {package.flow_name!r} was written by a serializer {package.serializer!r}, "
            f"which orion does not have; it has: {', '.join(KNOWN)}."
        )
    try:
        return kind.loads(package.content, folder)
    except ScriptError:
        raise
    except Exception as error:
        raise ScriptError(
            f"The package of the flow {package.flow_name!r} cannot be read: {type(error).__name__}: {error}"
        ) from error


def package_in(storage: Block, path: str | None) -> Package | None:
    """The package that a deployment's storage and path name; None if they name a folder of code."""
    from orion.blocks import JSON
    from orion.blocks.filesystem import call

    if isinstance(storage, JSON):
        return _decoded(storage.value, "The block")
    if is_package(path):
        content = call(storage.read_path, path)  # type: ignore[attr-defined]
        return _decoded(content, str(path))
    return None


def is_package(path: str | None) -> bool:
    """Whether a path in a storage is that of a package."""
    folder, _, name = (path or "").rpartition("/")
    return folder.rpartition("/")[2] == FOLDER and name.endswith(".json")


def _decoded(content: bytes | Mapping[str, Any], where: str) -> Package:
    try:
        if isinstance(content, bytes):
            return msgspec.json.decode(content, type=Package)
        return msgspec.convert(content, Package)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScriptError(f"{where} does not hold the package of a flow: {error}") from None


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
