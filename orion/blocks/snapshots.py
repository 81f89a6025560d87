"""Code in a storage: every version of a folder is kept, and of a new one only the files that changed are sent.

    <place>/files/<sha256>         the content of a file, once for all versions
    <place>/versions/<id>.json     a version: its files by name, with size and SHA-256; written last

A version is whole or not there. What is fetched is checked against its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from orion.blocks.core import Block
from orion.blocks.filesystem import FileSystem, StorageError, call
from orion.blocks.paths import below, files, ignoring, key
from orion.errors import Invalid

T = TypeVar("T")
Tell = Callable[[int, int], None]  # so many files are done of so many

IGNORE_FILES = (".orionignore", ".prefectignore")
ALWAYS = """
.git/
__pycache__/
*.py[cod]
.venv/
node_modules/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.DS_Store
"""
"""What no version holds, unless the ignore file says `!name`."""

AT_ONE_TIME = 8
PIECE = 1024 * 1024


class Entry(msgspec.Struct, omit_defaults=True):
    """One file of a version."""

    sha256: str
    size: int
    executable: bool = False


class Version(msgspec.Struct):
    """A folder as it is at one time."""

    files: dict[str, Entry]

    @property
    def content(self) -> bytes:
        """The version as it is stored."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def id(self) -> str:
        """The same for the same files, on every machine."""
        return hashlib.sha256(self.content).hexdigest()[:16]


class Sent(NamedTuple):
    """What an upload came to: where the version is, and how many of its files had to be sent."""

    path: str
    files: int
    sent: int
    bytes: int


def ignore_rules(folder: Path, ignore_file: str | Path | None = None) -> str:
    """The rules of the ignore file that is given, else of the one in the folder, after those that always hold."""
    if ignore_file is not None and not (folder / ignore_file).is_file():
        raise Invalid(f"There is no ignore file {folder / ignore_file}.")
    found = [folder / name for name in ([ignore_file] if ignore_file else IGNORE_FILES)]
    own = next((file.read_text(encoding="utf-8") for file in found if file.is_file()), "")
    return ALWAYS + own


def look(folder: Path, ignore_file: str | Path | None = None, left_out: Sequence[Path] = ()) -> Version:
    """The version that a folder is now, without what is ignored and without `left_out`."""
    ignored, without = ignoring(ignore_rules(folder, ignore_file)), {path.resolve() for path in left_out}
    found = [(file, name) for file, name in files(folder, ignored) if file.resolve() not in without]
    return Version({name: _entry(file) for file, name in found})


def upload(storage: Block, folder: Path, version: Version, place: str, tell: Tell | None = None) -> Sent:
    """Send what the storage does not have of a version, and the version itself last; `tell` hears how far it is."""
    by_content = {entry.sha256: (folder / name, entry) for name, entry in version.files.items()}
    missing = [
        found
        for found, there in _each(
            lambda found: _has(storage, f"{place}/files/{found[1].sha256}"), by_content.values()
        )
        if not there
    ]
    for number, _ in enumerate(_each(lambda found: _send(storage, found[0], found[1], place), missing), 1):
        if tell is not None:
            tell(number, len(missing))
    path = f"{place}/versions/{version.id}.json"
    call(storage.write_path, path, version.content)  # type: ignore[attr-defined]
    return Sent(path, len(version.files), len(missing), sum(entry.size for _, entry in missing))


def fetch(storage: Block, path: str | None, folder: Path) -> int:
    """Put code of a storage into a folder: a version, or a plain folder of it; how many files."""
    if not is_version(path):
        before = _count(folder)
        call(storage.get_directory, path or None, str(folder))  # type: ignore[attr-defined]
        return _count(folder) - before
    version = _read(storage, str(path))
    place = str(path).rpartition("versions/")[0]
    for _ in _each(
        lambda item: _receive(storage, f"{place}files/{item[1].sha256}", item[0], item[1], folder),
        version.files.items(),
    ):
        pass
    return len(version.files)


def is_version(path: str | None) -> bool:
    """Whether a path in a storage is that of a version."""
    folder, _, name = (path or "").rpartition("/")
    return folder.rpartition("/")[2] == "versions" and name.endswith(".json")


def takes_code(storage: Block) -> bool:
    """Whether code can be uploaded there: a Git repository is only read."""
    return "write-path" in storage.get_block_capabilities()


def _read(storage: Block, path: str) -> Version:
    content: bytes = call(storage.read_path, path)  # type: ignore[attr-defined]
    try:
        return msgspec.json.decode(content, type=Version)
    except msgspec.DecodeError as error:
        raise StorageError(f"{path} does not hold a version of a flow's code: {error}") from None


def _entry(file: Path) -> Entry:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces_of(file):
        digest.update(piece)
        size += len(piece)
    return Entry(digest.hexdigest(), size, bool(file.stat().st_mode & 0o100))


def _has(storage: Any, path: str) -> bool:
    if hasattr(storage, "has_path"):
        return bool(call(storage.has_path, path))
    try:
        call(storage.read_path, path)
    except (OSError, ValueError):  # a class of somebody's own says "not there" in its own way
        return False
    return True


def _send(storage: Any, file: Path, entry: Entry, place: str) -> None:
    """A file that changes while it is sent would be stored under the wrong name."""
    content = _checked(_pieces_of(file), entry, f"{file} was changed while it was uploaded: do it again.")
    streams = isinstance(storage, FileSystem) and entry.size > PIECE
    call(storage.write_path, f"{place}/files/{entry.sha256}", content if streams else b"".join(content))


def _receive(storage: Any, path: str, name: str, entry: Entry, folder: Path) -> None:
    target = below(folder, key(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    streams = isinstance(storage, FileSystem) and entry.size > PIECE
    try:
        content = storage.iter_path(path) if streams else [call(storage.read_path, path)]
        with open(target, "wb") as file:
            changed = f"The code was changed in the storage: {name} is not what was uploaded."
            file.writelines(_checked(content, entry, changed))
    except FileNotFoundError as error:
        raise StorageError(
            f"The code is not whole: {name} is missing. {error} Build the deployment again."
        ) from None
    if entry.executable:
        target.chmod(0o755)


def _pieces_of(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as content:
        while piece := content.read(PIECE):
            yield piece


def _checked(content: Iterable[bytes], entry: Entry, otherwise: str) -> Iterator[bytes]:
    """Content piece by piece; an error at its end if it was not that of the entry."""
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != entry.sha256:
        raise StorageError(otherwise)


def _each(work: Callable[[Any], T], items: Iterable[Any]) -> Iterator[tuple[Any, T]]:
    """Each item with what `work` makes of it, some of them at one time."""
    found = list(items)
    with ThreadPoolExecutor(AT_ONE_TIME, "orion-storage") as pool:
        yield from zip(found, pool.map(work, found), strict=True)


def _count(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))
