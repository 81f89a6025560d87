"""Paths of file system blocks: always below the base, and what an ignore file leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from orion.errors import Invalid


class PathOutside(Invalid, ValueError):
    """The path leads out of the base of the file system."""


def below(base: Path, path: str | None) -> Path:
    """`path` under `base`, links followed; raises `PathOutside`. An absolute path has to lie below the base too."""
    root = base.expanduser().resolve()
    found = (root / (path or "")).resolve()
    if not found.is_relative_to(root):
        raise PathOutside(f"The path {path!r} leads out of {root}.")
    return found


def key(path: str | None) -> str:
    """A relative path as a key of a remote store, without `.` and `..`; raises `PathOutside`."""
    steps: list[str] = []
    for step in PurePosixPath((path or "").replace("\\", "/")).parts:
        if step == "..":
            if not steps:
                raise PathOutside(f"The path {path!r} leads out of the base.")
            steps.pop()
        elif step == "/":
            raise PathOutside(f"The path {path!r} is absolute: it has to be relative to the base.")
        else:
            steps.append(step)
    return "/".join(steps)


def files(folder: Path, ignored: Callable[[str, bool], bool]) -> Iterator[tuple[Path, str]]:
    """Every file below a folder with its path in it, by name; links that lead out of the folder are left out."""
    root = folder.resolve()
    for entry in sorted(root.iterdir()):
        yield from _below(entry, root, ignored)


def _below(entry: Path, root: Path, ignored: Callable[[str, bool], bool]) -> Iterator[tuple[Path, str]]:
    name = entry.relative_to(root).as_posix()
    if ignored(name, entry.is_dir()) or not entry.resolve().is_relative_to(root):
        return
    if entry.is_dir() and not entry.is_symlink():
        for inner in sorted(entry.iterdir()):
            yield from _below(inner, root, ignored)
    elif entry.is_file():
        yield entry, name


def ignoring(text: str = "") -> Callable[[str, bool], bool]:
    """What an ignore file says of a path and whether it is a folder; its lines are those of a .gitignore."""
    rules = [_rule(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def ignored(path: str, is_folder: bool) -> bool:
        verdict = False
        for pattern, negative, folders_only in rules:
            if pattern.fullmatch(path) and (is_folder or not folders_only):
                verdict = not negative
        return verdict

    return ignored


def read_ignore_file(path: str | Path | None, folder: Path) -> Callable[[str, bool], bool]:
    """The rules of a file, which is looked for in `folder` too; none where there is no such file."""
    for candidate in (Path(path), folder / path) if path else ():
        if candidate.is_file():
            return ignoring(candidate.read_text(encoding="utf-8"))
    return ignoring()


def _rule(line: str) -> tuple[re.Pattern[str], bool, bool]:
    text = line.rstrip()
    negative, text = text.startswith("!"), text.removeprefix("!")
    folders_only, text = text.endswith("/"), text.rstrip("/")
    anchored, text = "/" in text, text.removeprefix("/")
    pattern = "" if anchored else "(?:.*/)?"
    for part in re.split(r"(\*\*/|/\*\*|\*|\?|\[[^\]]+\])", text):
        pattern += _GLOBS.get(part) or (part if part.startswith("[") else re.escape(part))
    return re.compile(pattern), negative, folders_only


_GLOBS = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
