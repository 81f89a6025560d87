"""Deployments whose code is in a storage: built, applied, taken back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion.blocks import Git, LocalFileSystem
from orion.deployments import DeploymentFile, apply, build, read_file, write_file
from orion.deployments.storing import fetched
from orion.errors import Invalid, NotFound
from orion.sdk import duplicates
from orion.sdk.client import SyncClient


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    duplicates._seen.clear()


@pytest.fixture
def storage(client: SyncClient, tmp_path: Path) -> Path:
    """The folder of the saved block local-file-system/share."""
    (tmp_path / "share").mkdir()
    LocalFileSystem(basepath=str(tmp_path / "share")).save("share", overwrite=True)
    return tmp_path / "share"


@pytest.fixture
def project(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a flow in a folder of it."""
    (project := tmp_path / "project").mkdir()
    (project / "flows").mkdir()
    (code / "flows.py").rename(project / "flows" / "weather.py")
    monkeypatch.chdir(project)
    return project


@pytest.mark.row("STO-05")
@pytest.mark.row("DEP-02")
def test_the_working_directory_is_the_base_and_is_uploaded(
    storage: Path, project: Path, client: SyncClient
) -> None:
    here = build("flows/weather.py:weather", "local")
    assert (here.path, here.entrypoint, here.storage) == (str(project), "flows/weather.py:weather", None)
    made = build("flows/weather.py:weather", "there", storage="local-file-system/share/team")
    assert made.path.startswith("team/daily-weather/versions/") and (storage / made.path).is_file()
    (project / "data.txt").write_text("goes along")
    made = build("flows/weather.py:weather", "there", storage="local-file-system/share/team")
    down = Path(fetched(made, project.parent / "down"))
    assert (down / "data.txt").read_text() == "goes along" and (down / "flows" / "weather.py").is_file()
    write_file(made, project / "deployment.yaml")
    (again,) = read_file(project / "deployment.yaml")
    assert again == made
    assert (
        build("flows/weather.py:weather", "there", storage="local-file-system/share/team").path == made.path
    )
    saved = apply(again, client)
    block = client.read_block_document_by_name("local-file-system", "share")
    assert (saved.storage_document_id, saved.path) == (block.id, made.path)


def test_a_deployment_that_names_no_storage_any_more_has_none(
    storage: Path, project: Path, client: SyncClient
) -> None:
    made = build("flows/weather.py:weather", "back", storage="local-file-system/share")
    assert apply(made, client).storage_document_id is not None
    assert apply(build("flows/weather.py:weather", "back"), client).storage_document_id is None


def test_what_a_file_by_hand_leaves_out_is_read_from_the_code_in_the_storage(
    storage: Path, project: Path, client: SyncClient
) -> None:
    (storage / "plain").mkdir()
    (project / "flows" / "weather.py").rename(storage / "plain" / "w.py")
    by_hand = DeploymentFile(
        name="hand", storage="local-file-system/share", path="plain", entrypoint="w.py:weather"
    )
    assert apply(by_hand, client).version == "7"


def test_a_block_that_is_not_saved_is_saved_without_a_name(
    client: SyncClient, project: Path, tmp_path: Path
) -> None:
    made = build("flows/weather.py:weather", "x", storage=LocalFileSystem(basepath=str(tmp_path / "s")))
    assert made.storage is not None and made.storage.startswith("local-file-system/anonymous-")
    assert apply(made, client).storage_document_id is not None


def test_a_repository_is_only_named(client: SyncClient, project: Path) -> None:
    Git(repository="https://git.example.com/flows").save("flows", overwrite=True)
    made = build("flows/weather.py:weather", "git", storage="git/flows/sub")
    assert (made.storage, made.path, made.entrypoint) == ("git/flows", "sub", "flows/weather.py:weather")


def test_what_cannot_be_stored_is_refused(
    storage: Path, project: Path, client: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrypoint = "flows/weather.py:weather"
    with pytest.raises(NotFound, match="s3/nowhere"):
        build(entrypoint, storage="s3/nowhere")
    with pytest.raises(Invalid, match="write it like s3/prod"):
        build(entrypoint, storage="prod")
    LocalFileSystem(basepath=str(project / "inside")).save("inside", overwrite=True)
    with pytest.raises(Invalid, match="lies in the folder"):
        build(entrypoint, storage="local-file-system/inside")
    (project / ".orionignore").write_text("flows/\n")
    with pytest.raises(Invalid, match=r"leaves out flows/weather\.py"):
        build(entrypoint, storage="local-file-system/share")
    monkeypatch.setenv("HOME", str(project))
    with pytest.raises(Invalid, match="with all in it"):
        build(entrypoint, storage="local-file-system/share")
