"""File systems on this machine and behind fsspec: what is written is read, and nothing leads out of the base."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion.blocks import FileSystem, LocalFileSystem, RemoteFileSystem
from orion.blocks.paths import PathOutside, ignoring, key
from orion.errors import Invalid


@pytest.fixture(params=["local", "remote"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    if request.param == "local":
        return LocalFileSystem(basepath=str(tmp_path / "base"))
    pytest.importorskip("fsspec")
    return RemoteFileSystem(basepath=f"memory://{tmp_path.name}")


@pytest.mark.row("STO-04")
def test_files_and_folders_go_there_and_back(files: FileSystem, tmp_path: Path) -> None:
    files.write_path("a/b.txt", b"one")
    files.write_path("a/b.txt", iter([b"t", b"wo"]))
    assert files.read_path("a/b.txt") == b"".join(files.iter_path("a/b.txt")) == b"two"
    source, target = tmp_path / "code", tmp_path / "back"
    for name in ("flow.py", "deep/x.txt", "deep/__pycache__/x.pyc", "notes.log"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / ".orionignore").write_text("__pycache__/\n*.log\n.orionignore\n")
    assert files.put_directory(str(source), "code/v1", ".orionignore") == 2
    assert files.get_directory("code/v1", str(target)) == 2
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["flow.py", "x.txt"]
    with pytest.raises(FileNotFoundError):
        files.read_path("not/there")


@pytest.mark.row("STO-01")
@pytest.mark.row("STO-02")
@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a/b/../../../x"])
def test_no_path_leads_out_of_the_base(files: FileSystem, path: str) -> None:
    for act in (
        lambda: files.read_path(path),
        lambda: files.write_path(path, b""),
        lambda: files.get_directory(path),
    ):
        with pytest.raises(PathOutside):
            act()


def test_no_link_leads_out_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "base" / "link").symlink_to(tmp_path / "secret")
    files = LocalFileSystem(basepath=str(tmp_path / "base"))
    with pytest.raises(PathOutside):
        files.read_path("link")
    assert files.get_directory(None, str(tmp_path / "copy")) == 0


def test_an_interrupted_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    files = LocalFileSystem(basepath=str(tmp_path))
    files.write_path("a", b"whole")

    def broken() -> object:
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        files.write_path("a", broken())  # type: ignore[arg-type]
    assert files.read_path("a") == b"whole" and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_missing_driver_names_the_extra() -> None:
    with pytest.raises(Invalid, match="no scheme"):
        RemoteFileSystem(basepath="bucket/folder")
    with pytest.raises(Invalid, match=r"orion-server\[s3\]|orion-server\[gcs\]"):
        _ = RemoteFileSystem(basepath="gs://bucket").filesystem


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "ignored"),
    [
        ("*.pyc", "a/b.pyc", False, True),
        ("/top", "deep/top", False, False),
        ("build/", "build", True, True),
        ("build/", "build", False, False),
        ("*\n!keep.txt", "keep.txt", False, False),
        ("docs/**", "docs/a/b", False, True),
        ("a/**/z", "a/b/c/z", False, True),
    ],
)
def test_an_ignore_file_reads_like_one_of_git(rules: str, path: str, is_folder: bool, ignored: bool) -> None:
    assert ignoring(rules)(path, is_folder) is ignored


def test_keys_are_clean() -> None:
    assert key("a/./b//c/../d") == "a/b/d" and key(None) == ""
