"""The block classes that a module or a file defines."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from orion.blocks import Block
from orion.errors import Invalid, NotFound


def classes_in(module: str | None, file: Path | None) -> list[type[Block]]:
    """Every block class that is defined there, by name; raises where there is none."""
    if (module is None) == (file is None):
        raise Invalid("Name either a module, -m MODULE, or a file, -f FILE.")
    loaded = _module(module) if module else _file(Path(str(file)))
    found = [
        value
        for value in vars(loaded).values()
        if isinstance(value, type) and issubclass(value, Block) and value.__module__ == loaded.__name__
    ]
    if not found:
        raise NotFound(f"{module or file} defines no block: a class that derives from orion.blocks.Block.")
    return sorted(found, key=lambda cls: cls.__name__)


def _module(name: str) -> ModuleType:
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NotFound(f"The module {name!r} cannot be imported: {error}.") from None


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Invalid(f"{path} is not a Python file.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    spec.loader.exec_module(module)
    return module
