"""Loading flows from files, text and entrypoints, without running a script's main block or any flow in it."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from orion.sdk.errors import MissingFlow, ScriptError, UnspecifiedFlow
from orion.sdk.flows import Flow
from orion.sdk.loading_mark import LOADED, LOADING


def load_flow_from_entrypoint(entrypoint: str) -> Flow[Any, Any]:
    """The flow of `path/to/file.py:function` or `package.module:function`; the name of the flow will do as well."""
    place, _, name = entrypoint.rpartition(":")
    if not place or not name:
        raise ScriptError(
            f"The entrypoint {entrypoint!r} must be of the form path/to/file.py:flow or package.module:flow."
        )
    if place.endswith(".py") or "/" in place:
        return load_flow_from_script(place, name)
    return select_flow(_flows_in(_import(place)), name, f"the module {place}")


def load_flow_from_script(path: str | Path, flow_name: str | None = None) -> Flow[Any, Any]:
    """The flow in a Python file; its name may be left out when there is only one."""
    return select_flow(load_flows_from_script(path), flow_name, str(path))


def load_flows_from_script(path: str | Path) -> list[Flow[Any, Any]]:
    """All flows that a Python file defines or imports, in order."""
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise ScriptError(f"There is no file {file}.")
    with _loading(str(path)), _searching(file.parent):
        try:
            return _flows_in(vars(_run(file)))
        except SyntaxError as error:
            raise ScriptError(f"{file}:{error.lineno}: {error.msg}.\n{_trace(error)}") from error
        except (Exception, SystemExit) as error:
            raise ScriptError(
                f"{file} cannot be loaded: {type(error).__name__}: {error}\n{_trace(error)}"
            ) from error


def load_flow_from_text(script: str | bytes, flow_name: str | None = None) -> Flow[Any, Any]:
    """The flow in the text of a script."""
    import tempfile

    body = script if isinstance(script, bytes) else script.encode()
    with tempfile.TemporaryDirectory(prefix="orion-flow-") as folder:
        file = Path(folder) / "flow_script.py"
        file.write_bytes(body)
        return load_flow_from_script(file, flow_name)


def select_flow(
    flows: Iterable[Flow[Any, Any]], flow_name: str | None = None, source: str = "it"
) -> Flow[Any, Any]:
    """One of several flows, by the flow's name or its function's; alone it needs no name."""
    found = {id(flow): flow for flow in flows}.values()
    names = ", ".join(repr(flow.name) for flow in found)
    if not found:
        raise MissingFlow(f"There are no flows in {source}. A flow is a function with the decorator @flow.")
    if flow_name is None:
        if len(found) > 1:
            raise UnspecifiedFlow(
                f"There are several flows in {source}: {names}. Say which one, as in file.py:function."
            )
        return next(iter(found))
    for flow in found:
        if flow_name in (flow.name, flow.fn.__name__):
            return flow
    raise MissingFlow(f"There is no flow {flow_name!r} in {source}; it has {names}.")


def _flows_in(namespace: dict[str, Any]) -> list[Flow[Any, Any]]:
    return [value for value in namespace.values() if isinstance(value, Flow)]


def _run(file: Path) -> ModuleType:
    """The script as a module of its own name, so that its classes can be found while the process lives."""
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    name = f"orion_script_{file.stem}_{digest}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__, module.__package__ = str(file), _package_of(file, digest)
    LOADED.append(module)
    exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
    return module


def _package_of(file: Path, digest: str) -> str:
    """The package that relative imports of the script count from: its own, or one made of its folder."""
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    if root != file.parent:
        if str(root) not in sys.path:
            sys.path.append(str(root))
        return ".".join(file.parent.relative_to(root).parts)
    name = f"orion_folder_{digest}"
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = [str(root)]
    LOADED.append(package)  # what is imported from it goes along in pickles
    return name


def _import(name: str) -> dict[str, Any]:
    with _loading(name), _searching(Path.cwd()):
        try:
            return vars(importlib.import_module(name))
        except (Exception, SystemExit) as error:
            raise ScriptError(
                f"The module {name} cannot be imported: {type(error).__name__}: {error}\n{_trace(error)}"
            ) from error


@contextmanager
def _loading(what: str) -> Iterator[None]:
    token = LOADING.set(what)
    try:
        yield
    finally:
        LOADING.reset(token)


@contextmanager
def _searching(folder: Path) -> Iterator[None]:
    """Neighbours of the script can be imported, now and when the flow runs."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    yield


def _trace(error: BaseException) -> str:
    """The traceback without the lines of the loader."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
