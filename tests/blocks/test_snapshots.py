"""Code in a storage: versions are kept, only what changed is sent, and what is fetched is what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orion.blocks import Block, LocalFileSystem, snapshots
from orion.blocks.filesystem import StorageError
from orion.blocks.paths import PathOutside
from orion.errors import Invalid


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    for name in ("flow.py", "deep/data.bin", "deep/notes.log", ".git/config", "deep/__pycache__/x.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "run.sh").write_text("#!/bin/sh")
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> LocalFileSystem:
    return LocalFileSystem(basepath=str(tmp_path / "storage"))


def up(storage: Block, code: Path, **options: Any) -> snapshots.Sent:
    return snapshots.upload(storage, code, snapshots.look(code, **options), "etl")


def down(storage: Block, path: str | None, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    snapshots.fetch(storage, path, folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.row("STO-05")
def test_only_what_changed_is_sent_and_every_version_stays(
    storage: LocalFileSystem, code: Path, tmp_path: Path
) -> None:
    (code / "large").write_bytes(b"x" * 3_000_000)  # goes in pieces
    first = up(storage, code)
    assert (first.files, first.sent) == (5, 5)
    assert up(storage, code) == first._replace(sent=0, bytes=0)
    (code / "flow.py").write_text("changed")
    second = up(storage, code)
    assert (second.sent, second.bytes) == (1, 7) and second.path != first.path
    old, new = down(storage, first.path, tmp_path / "old"), down(storage, second.path, tmp_path / "new")
    assert sorted(old) == ["deep/data.bin", "deep/notes.log", "flow.py", "large", "run.sh"]
    assert (old.pop("flow.py"), new.pop("flow.py")) == (b"flow.py", b"changed")
    assert old == new and (tmp_path / "old" / "run.sh").stat().st_mode & 0o100


@pytest.mark.parametrize("name", [".orionignore", ".prefectignore"])
def test_the_ignore_file_says_what_stays_here(code: Path, name: str) -> None:
    (code / name).write_text("*.log\n!__pycache__/\n/run.sh\n")
    found = snapshots.look(code, left_out=[code / name]).files
    assert sorted(found) == ["deep/data.bin", "flow.py"]
    (code / "other").write_text("deep/\n")
    assert "deep/data.bin" not in snapshots.look(code, "other").files
    with pytest.raises(Invalid, match="There is no ignore file .*nowhere"):
        snapshots.look(code, "nowhere")


def test_a_file_that_is_gone_or_changed_in_the_storage_is_never_run(
    storage: LocalFileSystem, code: Path, tmp_path: Path
) -> None:
    sent = up(storage, code)
    kept = storage.base / "etl" / "files" / snapshots.look(code).files["flow.py"].sha256
    kept.write_text("evil")
    with pytest.raises(StorageError, match=r"flow\.py is not what was uploaded"):
        down(storage, sent.path, tmp_path / "a")
    kept.unlink()
    with pytest.raises(StorageError, match=r"flow\.py is missing.*Build the deployment again"):
        down(storage, sent.path, tmp_path / "b")
    assert up(storage, code).sent == 1 and down(storage, sent.path, tmp_path / "c")["flow.py"] == b"flow.py"


def test_a_version_that_names_a_file_outside_writes_nothing(storage: LocalFileSystem, tmp_path: Path) -> None:
    version = snapshots.Version({"../evil": snapshots.Entry("0" * 64, 1)})
    storage.write_path("etl/versions/x.json", version.content)
    with pytest.raises(PathOutside):
        down(storage, "etl/versions/x.json", tmp_path / "target")
    assert not (tmp_path / "evil").exists()


class Remembering(Block):
    """A storage of somebody's own, with methods that are awaited."""

    _block_schema_capabilities = ("read-path", "write-path")

    def block_initialization(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def read_path(self, path: str) -> bytes:
        return self.kept[path]

    async def write_path(self, path: str, content: bytes) -> None:
        self.kept[path] = content

    async def get_directory(self, from_path: str | None, local_path: str | None) -> None:
        (Path(str(local_path)) / "got").write_text(str(from_path))


def test_a_storage_of_somebodys_own_will_do(code: Path, tmp_path: Path) -> None:
    storage = Remembering()
    storage.read_path = lambda path: _read(storage.kept, path)  # type: ignore[method-assign]
    assert up(storage, code).sent == 4 and up(storage, code).sent == 0
    assert down(storage, "plain/folder", tmp_path / "a") == {"got": b"plain/folder"}


async def _read(kept: dict[str, bytes], path: str) -> bytes:
    if path not in kept:
        raise ValueError(f"no {path}")
    return kept[path]
