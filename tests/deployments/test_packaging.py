"""Flows that are packaged: as text in the API or in a file, in three ways, and what they need to be installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orion import Deployment, Flow, flow, load_flow_from_script
from orion.blocks import Git, LocalFileSystem
from orion.cli.root import run as orion
from orion.deployments import apply, build, execute, read_file, write_file
from orion.deployments.packaging import (
    CondaEnvironment,
    FilePackager,
    FlowSerializer,
    ImportSerializer,
    OrionPackager,
    PickleSerializer,
    PythonEnvironment,
    SourceSerializer,
)
from orion.deployments.packaging.requirements import pip_requirements
from orion.errors import Invalid
from orion.sdk import duplicates
from orion.sdk.client import SyncClient
from orion.sdk.errors import ScriptError
from orion.sdk.packages import pack, unpack
from tests.agent.house import House

pytestmark = pytest.mark.filterwarnings("ignore:The (flow|task)")  # the same flow comes from several places

HOUSE = Path(__file__).parents[2]
CODE = """
from orion import flow, task

SHARE = 20

@task
def rows():
    return [SHARE, 22]

@flow(name="packed report")
def report(more: int = 0):
    return sum(rows()) + more
"""


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    duplicates._seen.clear()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a flow in it."""
    (project := tmp_path / "project").mkdir()
    (project / "report.py").write_text(CODE)
    monkeypatch.chdir(project)
    return project


def elsewhere(house: House, deployment: str, folder: Path) -> Any:
    """Run a deployment in a process of its own, in an empty folder and with a home of its own; how it ended."""
    run = house.run(deployment, parameters={"more": 1})
    (home := folder / "home").mkdir(parents=True)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HOUSE), "HOME": str(home), "ORION_HOME": str(home)}
    environ |= {"ORION_API_URL": house.api, "ORION__FLOW_RUN_ID": run}
    command = [sys.executable, "-m", "orion.engine"]
    subprocess.run(command, cwd=home, env=environ, check=True, capture_output=True, timeout=60)
    return house.state(run)


@pytest.mark.row("STO-10")
def test_a_flow_whose_source_is_in_the_api_runs_without_its_file(
    client: SyncClient, house: House, project: Path, tmp_path: Path
) -> None:
    made = build("report.py:report", "api", packager=OrionPackager())
    assert made.storage is not None and made.storage.startswith("json/anonymous-") and made.path == ""
    write_file(made, project / "deployment.yaml")
    (again,) = read_file(project / "deployment.yaml")
    deployment = apply(again, client).id
    (project / "report.py").unlink()
    assert elsewhere(house, deployment, tmp_path / "away")[0] == "COMPLETED"
    assert execute(deployment, {"more": 2}, client).result() == 44


@pytest.mark.row("STO-10")
def test_a_flow_is_packaged_into_a_file_of_a_storage_and_older_packages_stay(
    client: SyncClient, project: Path, tmp_path: Path
) -> None:
    LocalFileSystem(basepath=str(tmp_path / "share")).save("share", overwrite=True)
    packager = FilePackager("local-file-system/share/team", PickleSerializer())
    first = build("report.py:report", "file", packager=packager)
    assert first.storage == "local-file-system/share"
    assert first.path.startswith("team/packed-report/packages/")
    (project / "report.py").write_text(CODE.replace("20", "30"))
    second = build("report.py:report", "file", packager=packager)
    assert len(list((tmp_path / "share" / "team").rglob("*.json"))) == 2
    assert execute(apply(second, client).id, client=client).result() == 52
    assert execute(apply(first, client).id, client=client).result() == 42
    Git(repository="https://git.example.com/flows").save("flows", overwrite=True)
    with pytest.raises(Invalid, match="git/flows is only read"):
        build("report.py:report", packager=FilePackager("git/flows"))
    with pytest.raises(Invalid, match="either a storage .* or a packager"):
        build("report.py:report", packager=packager, storage="local-file-system/share")


@pytest.mark.row("STO-10")
def test_the_command_line_packages_a_flow(
    client: SyncClient, house: House, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LocalFileSystem(basepath=str(tmp_path / "share")).save("share", overwrite=True)
    words = ["deployment", "build", "report.py:report", "-n", "cli", "--apply", "--packager"]
    assert orion([*words, "file", "--storage-block", "local-file-system/share"]) == 0
    assert "Packaged the flow: local-file-system/share packed-report/packages/" in capsys.readouterr().out
    assert execute("packed report/cli", client=client).result() == 42
    for wrong, says in (
        (["file"], "with --storage-block"),
        (["orion", "--storage-block", "local-file-system/share"], "with --storage-block"),
        (["orion", "--image", "x"], "belong to --packager docker"),
        (["zip"], "orion, file, docker"),
    ):
        assert orion([*words, *wrong]) == 1
        assert says in capsys.readouterr().err


@pytest.mark.row("STO-09")
@pytest.mark.row("STO-10")
@pytest.mark.parametrize("serializer", [SourceSerializer(), PickleSerializer()])
def test_a_flow_of_a_script_comes_back_from_its_package(
    serializer: FlowSerializer, project: Path, tmp_path: Path
) -> None:
    package = pack(load_flow_from_script(project / "report.py"), serializer)
    (project / "report.py").unlink()
    back = unpack(msgspec.json.decode(msgspec.json.encode(package), type=type(package)), tmp_path)
    assert isinstance(back, Flow) and back.name == "packed report" and back.fn.__module__ != __name__
    assert package.parameter_openapi_schema["properties"]["more"]["default"] == 0


@pytest.mark.row("STO-10")
def test_a_flow_of_a_module_is_packaged_by_its_name_alone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "packed_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(project))
    import packed_module  # type: ignore[import-not-found]

    package = pack(packed_module.report, ImportSerializer())
    assert package.content == "packed_module:report"
    assert unpack(package, tmp_path) is packed_module.report
    monkeypatch.delitem(sys.modules, "packed_module")
    (project / "packed_module.py").unlink()
    with pytest.raises(ScriptError, match="packed_module cannot be imported"):
        unpack(package, tmp_path)
    with pytest.raises(Invalid, match="no other machine can import"):
        pack(load_flow_from_script(project / "report.py"), ImportSerializer())


@pytest.mark.row("STO-10")
def test_a_pickle_takes_along_the_modules_that_are_named(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another process neither module is there."""
    (project / "packed_helper.py").write_text("def add(a, b):\n    return a + b\n")
    (project / "packed_flows.py").write_text(
        "from orion import flow\nimport packed_helper\n\n@flow\ndef both():\n    return packed_helper.add(40, 2)\n"
    )
    monkeypatch.syspath_prepend(str(project))
    import packed_flows  # type: ignore[import-not-found]

    package = pack(packed_flows.both, PickleSerializer(modules=["packed_helper"]))
    (tmp_path / "package.json").write_bytes(msgspec.json.encode(package))
    read = (
        "import msgspec, pathlib; from orion.sdk.packages import Package, unpack\n"
        "package = msgspec.json.decode(pathlib.Path('package.json').read_bytes(), type=Package)\n"
        "print(unpack(package, pathlib.Path('.')).fn())"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HOUSE), "ORION_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.stdout == "42\n", done.stderr
    with pytest.raises(Invalid, match="'not_imported' is not imported here"):
        pack(packed_flows.both, PickleSerializer(modules=["not_imported"]))


@pytest.mark.row("STO-10")
def test_a_package_that_cannot_be_used_says_why(project: Path, tmp_path: Path) -> None:
    package = pack(load_flow_from_script(project / "report.py"), SourceSerializer())
    with pytest.raises(ScriptError, match="was changed after it was made"):
        unpack(msgspec.structs.replace(package, content=package.content.replace("20", "21")), tmp_path)
    with pytest.raises(ScriptError, match="a serializer 'marshal', which orion does not have"):
        unpack(msgspec.structs.replace(package, serializer="marshal"), tmp_path)
    old = {"python": "2.7", "pickle": ""}
    with pytest.raises(ScriptError, match=r"pickled by Python 2\.7, and this is"):
        PickleSerializer.loads(json.dumps(old), tmp_path)


@pytest.mark.row("STO-10")
def test_a_flow_in_no_file_or_in_a_function_is_only_pickled(client: SyncClient) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("from orion import flow\n\n@flow\ndef typed():\n    return 42", scope)
    made = Deployment.build_from_flow(scope["typed"], "typed", packager=OrionPackager(PickleSerializer()))
    assert execute(made.apply(), client=client).result() == 42
    exec("@flow\nasync def later():\n    return 43", scope)
    later = Deployment.build_from_flow(scope["later"], "later", packager=OrionPackager(PickleSerializer()))
    assert execute(later.apply(), client=client).result() == 43
    with pytest.raises(Invalid, match="in no file, so it has no source"):
        Deployment.build_from_flow(scope["typed"], "typed", packager=OrionPackager())

    @flow
    def inner() -> int:
        return 1

    with pytest.raises(Invalid, match="made inside a function"):
        inner.to_deployment("x", packager=OrionPackager())


def distribution(folder: Path, name: str, *requires: str, origin: Any = None, installer: str = "pip") -> None:
    """A distribution as an installer leaves it."""
    (info := folder / f"{name}-1.0.dist-info").mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    (info / "INSTALLER").write_text(f"{installer}\n")
    if origin:
        (info / "direct_url.json").write_text(json.dumps(origin))


@pytest.mark.row("STO-10")
def test_what_pip_has_installed_is_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    distribution(tmp_path, "top", "In_Ner>=1", 'outer; extra == "more"')
    distribution(tmp_path, "in-ner")
    distribution(tmp_path, "outer")
    commit = {"url": "https://git.example.com/x", "subdirectory": "py", "vcs_info": {"vcs": "git", "commit_id": "ab1"}}
    distribution(tmp_path, "from-git", origin=commit)
    distribution(tmp_path, "wheel", origin={"url": "https://example.com/wheel-1.0.whl", "archive_info": {}})
    distribution(tmp_path, "edited", origin={"url": "file:///src", "dir_info": {"editable": True}})
    found = PythonEnvironment.from_environment()
    assert "nowhere else: edited" in caplog.text
    assert found.files() == {
        "requirements.txt": "from-git @ git+https://git.example.com/x@ab1#subdirectory=py\n"
        "in-ner==1.0\nouter==1.0\ntop==1.0\nwheel @ https://example.com/wheel-1.0.whl\n"
    }
    assert "in-ner==1.0" not in pip_requirements(False, "ignore")
    assert "outer==1.0" in pip_requirements(False, "ignore")
    with pytest.raises(Invalid, match="edited"):
        pip_requirements(on_uninstallable="raise")


@pytest.mark.row("STO-10")
def test_what_conda_has_installed_is_captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(Invalid, match="not in an environment of conda"):
        CondaEnvironment.from_environment()
    (notes := tmp_path / "conda-meta").mkdir()
    for name, version, asked in (("numpy", "2.1", "numpy"), ("libblas", "3.9", ""), ("python", "3.12", "python")):
        note = {"name": name, "version": version, "build": "h1_0", "build_string": "h1_0", "subdir": "linux-64"}
        note |= {"channel": "https://conda.example.com/science/linux-64", "requested_spec": asked}
        (notes / f"{name}.json").write_text(json.dumps(note))
    distribution(tmp_path / "site", "numpy", installer="conda")
    distribution(tmp_path / "site", "httpx")
    found = CondaEnvironment.from_environment()
    assert (found.conda_requirements, found.pip_requirements) == (("numpy=2.1",), ("httpx==1.0",))
    import yaml

    written = yaml.safe_load(found.files()["environment.yml"])
    assert written["channels"] == ["science"]
    assert written["dependencies"][1:] == ["pip", "numpy=2.1", {"pip": ["httpx==1.0"]}]
    whole = CondaEnvironment.from_environment(explicit_only=False, include_builds=True)
    assert whole.conda_requirements == ("libblas=3.9=h1_0", "numpy=2.1=h1_0")
