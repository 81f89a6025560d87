"""Git repositories as storage: by branch, tag and commit, from a file and over HTTP with a token that nobody sees."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from orion.blocks import Git, GitHub, redaction
from orion.blocks.filesystem import StorageError
from orion.blocks.paths import PathOutside
from orion.errors import Invalid
from tests.blocks.stores import git_server, repository

TOKEN = "canary-token-of-git"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return repository(tmp_path_factory.mktemp("git"))


def test_a_branch_a_tag_and_a_commit_are_fetched(repo: tuple[Path, str], tmp_path: Path) -> None:
    bare, first = repo
    said = {
        reference: Git(repository=f"file://{bare}", reference=reference).read_path("flows/say.txt")
        for reference in (None, "main", "v1", first)
    }
    assert said == {None: b"two", "main": b"two", "v1": b"one", first: b"one"}
    assert Git(repository=f"file://{bare}").get_directory("flows", str(tmp_path)) == 1
    assert (tmp_path / "say.txt").read_text() == "two"


def test_a_link_that_leads_out_of_the_repository_is_not_followed(
    repo: tuple[Path, str], tmp_path: Path
) -> None:
    code = Git(repository=f"file://{repo[0]}")
    code.get_directory(None, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["flows"]
    for path in ("out", "../x", "/etc/passwd"):
        with pytest.raises(PathOutside):
            code.read_path(path)


def test_a_token_opens_a_repository_and_is_in_no_argument_message_or_config(
    repo: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda line, **kw: (lines.append(str(line)), run(line, **kw))[1])
    with git_server(repo[0], f"x-access-token:{TOKEN}") as (url, refused):
        code = GitHub(repository=url, access_token=TOKEN)
        code.get_directory(None, str(tmp_path))
        in_url = Git(repository=url.replace("://", f"://x-access-token:{TOKEN}@"))
        assert in_url.read_path("flows/say.txt") == b"two" and refused == []
        in_url.repository = in_url.repository.replace(TOKEN, wrong := "canary-wrong-token")
        with pytest.raises(StorageError, match="asks for a login") as caught:
            in_url.read_path("x")
    assert (tmp_path / ".git" / "config").is_file()
    copied = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode(
        errors="replace"
    )
    shown = f"{lines}{caught.value}{code!r}{copied}"
    assert TOKEN not in shown and wrong not in shown and "Basic" not in shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"repository": "--upload-pack=touch x"}, "begins with a dash"),
        ({"repository": "https://h/r", "reference": "--x"}, "begins with a dash"),
        ({"repository": "ext::sh -c x"}, "no URL"),
        ({"repository": "git@h:r", "access_token": "t"}, "goes with a URL"),
    ],
)
def test_what_git_would_take_for_an_option_or_a_program_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        Git(**fields)


def test_a_reference_that_is_not_there_and_a_missing_git_are_told(
    repo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match="at nope cannot be fetched: .*couldn't find remote ref nope"):
        Git(repository=f"file://{repo[0]}", reference="nope").read_path("x")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StorageError, match="the program git is not installed"):
        Git(repository=f"file://{repo[0]}").read_path("x")
    redaction.forget()
