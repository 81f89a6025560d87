"""The house's table of floors: who may import whom, and what may be said only in one place."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
ROOMS = HOUSE / "orion"

OPEN = {"settings", "errors", "layout"}  # open to all, import no room
GROUND = {"model", "vault", "notify"}
EAST = {"sdk", "blocks", "model"}
FLOORS: dict[str, set[str]] = {
    "settings": set(),
    "errors": set(),
    "layout": set(),
    "model": set(),
    "vault": set(),
    "notify": {"model"},
    "store": GROUND,
    "orchestration": {"store", "model"},
    "services": {"orchestration", "store", *GROUND},
    "web": {"services", "orchestration", "store", *GROUND},
    "blocks": GROUND,
    "sdk": EAST,
    "deployments": EAST,
    "engine": EAST,
    "testing": EAST,
    "agent": {"blocks"},  # when a run asks; nothing at import
    "__init__": EAST | {"deployments"},
}
STAIRS = {
    "sdk/ephemeral.py": {"web"},  # a run without a server mounts the app itself
    "sdk/flows.py": {"deployments"},  # flow.deploy and flow.serve, imported when they are called
    "deployments/serving.py": {"agent"},  # serving is an agent in the program itself
}
DOORS = {"cli", "__main__", "app", "tasks"}  # may import any room

SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE|PRAGMA)\s",
    re.I | re.S,
)
SQL_WORDS = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA)\b", re.I)
CLOCKS = {"utcnow", "now", "time", "today"}


def files(folder: Path = ROOMS) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOMS).parts[0].removesuffix(".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported, anywhere in the file, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute in orion/"
            yield node.module or "", node.lineno
            if node.module == "orion":
                yield from ((f"orion.{alias.name}", node.lineno) for alias in node.names)


def rooms_used(path: Path) -> Iterator[tuple[str, int]]:
    for module, line in imports(parsed(path)):
        parts = module.split(".")
        if parts[0] in ("app", "tasks"):
            yield parts[0], line
        elif parts[0] == "orion" and len(parts) > 1 and parts[1] in FLOORS.keys() | DOORS:
            yield parts[1], line


def texts(path: Path) -> Iterator[tuple[str, int]]:
    """Every piece of text in the code, docstrings left out."""
    tree = parsed(path)
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in lone:
            yield node.value, node.lineno


def named(path: Path, line: int) -> str:
    return f"{path.relative_to(HOUSE)}:{line}"


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in files()} - DOORS <= FLOORS.keys()


def test_rooms_import_only_the_floors_below() -> None:
    wrong = []
    for path in files():
        room = room_of(path)
        if room in DOORS:
            continue
        allowed = FLOORS[room] | {room} | OPEN | STAIRS.get(str(path.relative_to(ROOMS)), set())
        used = [(name, line) for name, line in rooms_used(path) if name not in allowed]
        wrong += [f"{named(path, line)} imports {name}" for name, line in used]
    assert wrong == []


def said(paths: Iterable[Path], matches: Callable[[str], object]) -> list[str]:
    return [named(path, line) for path in paths for text, line in texts(path) if matches(text)]


def test_sql_is_only_in_the_store() -> None:
    rooms = [path for path in files() if room_of(path) != "store" and SQL_WORDS.search(path.read_text())]
    assert said(rooms, SQL.match) == []


def test_htmx_headers_are_only_known_to_negotiate() -> None:
    elsewhere = [path for path in files() if path.name != "negotiate.py" and "hx-" in path.read_text().lower()]
    assert said(elsewhere, lambda text: text.lower().startswith("hx-")) == []


def test_verdicts_are_only_given_in_orchestration() -> None:
    wrong = []
    for path in files():
        for node in ast.walk(parsed(path)) if room_of(path) != "orchestration" else ():
            match node:
                case ast.Call(func=ast.Name(id="Accept" | "Instead" | "Wait" | "Abort")):
                    wrong.append(named(path, node.lineno))
    assert wrong == []


@pytest.mark.parametrize("room", ["model", "store", "orchestration", "services"])
def test_no_room_below_the_doors_looks_at_the_clock(room: str) -> None:
    wrong = []
    for path in files(ROOMS / room):
        if path == ROOMS / "model" / "times.py":
            continue
        for node in ast.walk(parsed(path)):
            match node:
                case ast.Call(func=ast.Name(id="utcnow")):
                    wrong.append(named(path, node.lineno))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if name in CLOCKS:
                    wrong += [named(path, node.lineno)] * (module in ("datetime", "date", "time", "times"))
    assert wrong == []


def test_the_agent_is_one_file_of_the_standard_library_and_httpx() -> None:
    tree = parsed(ROOMS / "agent.py")
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    outside = {module.split(".")[0] for module, _ in imports(top)} - set(sys.stdlib_module_names)
    assert outside <= {"httpx"}
