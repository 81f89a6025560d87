"""Paths of file system blocks: always below the base, and what an ignore file leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from orion.errors import Invalid

Ignored = Callable[[str, bool], bool]


class PathOutside(Invalid, ValueError):
    """The path leads out of the base of the file system."""


def below(base: Path, path: str | None) -> Path:
    """`path` under `base`, links followed; raises `PathOutside`. An absolute path has to lie below the base too."""
    root = base.expanduser().resolve()
    if "\x00" in (path or ""):
        raise PathOutside(f"The path {path!r} holds a NUL character.")
    found = (root / (path or "")).resolve()
    if not found.is_relative_to(root):
        raise PathOutside(f"The path {path!r} leads out of {root}.")
    return found


def key(path: str | None) -> str:
    """A relative path as a key of a remote store, without `.` and `..`; raises `PathOutside`."""
    steps: list[str] = []
    for step in PurePosixPath((path or "").replace("\\", "/")).parts:
        if "\x00" in step:
            raise PathOutside(f"The path {path!r} holds a NUL character.")
        if step == "..":
            if not steps:
                raise PathOutside(f"The path {path!r} leads out of the base.")
            steps.pop()
        elif step == "/":
            raise PathOutside(f"The path {path!r} is absolute: it has to be relative to the base.")
        else:
            steps.append(step)
    return "/".join(steps)


def files(folder: Path, ignored: Ignored) -> Iterator[tuple[Path, str]]:
    """Every file below a folder with its path in it, by name; links that lead out of the folder are left out."""
    root = folder.resolve()
    for entry in sorted(root.iterdir()):
        yield from _below(entry, root, ignored)


def _below(entry: Path, root: Path, ignored: Ignored) -> Iterator[tuple[Path, str]]:
    name = entry.relative_to(root).as_posix()
    if ignored(name, entry.is_dir()) or not entry.resolve().is_relative_to(root):
        return
    if entry.is_dir() and not entry.is_symlink():
        for inner in sorted(entry.iterdir()):
            yield from _below(inner, root, ignored)
    elif entry.is_file():
        yield entry, name


def ignoring(text: str = "") -> Ignored:
    """What an ignore file says of a path and whether it is a folder; its lines are those of a .gitignore."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return lambda path, is_folder: False
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda path, is_folder: spec.match_file(f"{path}/" if is_folder else path)


def read_ignore_file(path: str | Path | None, folder: Path) -> Ignored:
    """The rules of a file, which is looked for in `folder` too; none where there is no such file."""
    for candidate in (folder / path, Path(path)) if path else ():
        if candidate.is_file():
            return ignoring(candidate.read_text(encoding="utf-8"))
    return ignoring()
