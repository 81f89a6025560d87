"""How a flow becomes text and a flow again: as its file's source, as the name of a module, or as a pickle."""

from __future__ import annotations

import base64
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import msgspec

from orion.errors import Invalid
from orion.sdk.errors import ScriptError
from orion.sdk.flows import Flow
from orion.sdk.loading_mark import LOADED

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class FlowSerializer(ABC):
    """A way to write a flow down. `type` stands in the package, and says how it is read."""

    type: ClassVar[str] = ""

    @abstractmethod
    def dumps(self, flow: Flow[Any, Any]) -> str:
        """The flow as text; raises `Invalid` if this serializer cannot write it."""

    @classmethod
    @abstractmethod
    def loads(cls, content: str, folder: Path) -> Flow[Any, Any]:
        """The flow of a text. `folder` is empty and stays for as long as the flow runs."""


class Source(msgspec.Struct):
    """A file of source, and the flow's function in it."""

    file_name: str
    function: str
    source: str


class SourceSerializer(FlowSerializer):
    """The source of the file that the flow is in. Neighbours that the file imports do not go along."""

    type = "source"

    def dumps(self, flow: Flow[Any, Any]) -> str:
        file, function = _source_file(flow), _function(flow)
        source = Source(file.name, function, file.read_text(encoding="utf-8"))
        return msgspec.json.encode(source).decode()

    @classmethod
    def loads(cls, content: str, folder: Path) -> Flow[Any, Any]:
        from orion.sdk.loading import load_flow_from_script

        source = msgspec.json.decode(content, type=Source)
        file = folder / Path(source.file_name).name
        file.write_text(source.source, encoding="utf-8")
        return load_flow_from_script(file, source.function)


class ImportSerializer(FlowSerializer):
    """Only the names of the module and of the flow in it: the module is installed where the flow runs."""

    type = "import"

    def dumps(self, flow: Flow[Any, Any]) -> str:
        module = flow.fn.__module__
        if module == "__main__" or any(module == loaded.__name__ for loaded in LOADED):
            raise Invalid(
                f"The flow {flow.name!r} is in a script, which no other machine can import: put it into a "
                "package that is installed there, or package its source."
            )
        return f"{module}:{_function(flow)}"

    @classmethod
    def loads(cls, content: str, folder: Path) -> Flow[Any, Any]:
        from orion.sdk.loading import load_flow_from_entrypoint

        return load_flow_from_entrypoint(content)


class Pickled(msgspec.Struct):
    """A pickle in base64, and the Python that made it."""

    python: str
    pickle: str


class PickleSerializer(FlowSerializer):
    """The flow itself, by cloudpickle, for the same version of Python; `modules` go along, as the flow's own does."""

    type = "pickle"

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self.modules = tuple(modules)

    def dumps(self, flow: Flow[Any, Any]) -> str:
        content = _by_value(flow, (flow.fn.__module__, *self.modules))
        return msgspec.json.encode(Pickled(VERSION, base64.b64encode(content).decode())).decode()

    @classmethod
    def loads(cls, content: str, folder: Path) -> Flow[Any, Any]:
        from orion.sdk import pickling

        pickled = msgspec.json.decode(content, type=Pickled)
        if pickled.python != VERSION:
            raise ScriptError(
                f"The flow was pickled by Python {pickled.python}, and this is Python {VERSION}: "
                "run it there, package it anew, or package its source."
            )
        flow: Flow[Any, Any] = pickling.loads(base64.b64decode(pickled.pickle))
        return flow


KNOWN: dict[str, type[FlowSerializer]] = {
    known.type: known for known in (SourceSerializer, ImportSerializer, PickleSerializer)
}


def _function(flow: Flow[Any, Any]) -> str:
    name = flow.fn.__qualname__
    if "<locals>" in name:
        raise Invalid(f"The flow {flow.name!r} is made inside a function, where nobody else finds it.")
    return name


def _source_file(flow: Flow[Any, Any]) -> Path:
    try:
        file = Path(inspect.getsourcefile(flow.fn) or "")
    except TypeError:
        file = Path()
    if not file.is_file():
        raise Invalid(f"The flow {flow.name!r} is in no file, so it has no source: write it into one.")
    return file


def _by_value(flow: Flow[Any, Any], names: Sequence[str]) -> bytes:
    """A pickle that holds what these modules define; others are imported where it is read."""
    import cloudpickle

    from orion.sdk import pickling

    modules = [_module(name) for name in names if name != "__main__"]
    before = set(cloudpickle.list_registry_pickle_by_value())
    new = [module for module in modules if module.__name__ not in before]
    for module in new:
        cloudpickle.register_pickle_by_value(module)
    try:
        return pickling.dumps(flow)
    except Exception as error:
        raise Invalid(f"The flow {flow.name!r} cannot be pickled: {type(error).__name__}: {error}") from error
    finally:
        for module in new:
            cloudpickle.unregister_pickle_by_value(module)


def _module(name: str) -> ModuleType:
    found = sys.modules.get(name)
    if found is None:
        raise Invalid(f"The module {name!r} is not imported here, so it cannot go along in a pickle.")
    return found
