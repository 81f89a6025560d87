"""Where templates, static files and doors are: inside the package of a wheel, beside it in a checkout."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """The path of `templates`, `static`, … : the wheel's copy if there is one, else the checkout's."""
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


def door(name: str) -> ModuleType:
    """Import a door (`app`, `tasks`) from wherever this orion keeps it, never from the working directory."""
    if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists():
        return importlib.import_module(f"orion.{name}")
    return _from_checkout(name)


def _from_checkout(name: str) -> ModuleType:
    import importlib.util
    import sys

    alias = f"_orion_{name}"
    if alias in sys.modules:
        return sys.modules[alias]
    file = PACKAGE.parent / f"{name}.py"
    folder = PACKAGE.parent / name
    path = file if file.exists() else folder / "__init__.py"
    search = None if file.exists() else [str(folder)]
    spec = importlib.util.spec_from_file_location(alias, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no door named {name!r} at {path}")
    module = sys.modules[alias] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
