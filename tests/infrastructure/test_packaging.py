"""Flows packaged into images, by a stand-in for the Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.blocks import DockerContainer, DockerRegistry, Process
from orion.blocks.infrastructure import InfrastructureError
from orion.cli.root import run as orion
from orion.deployments import apply, build
from orion.deployments.packaging import CondaEnvironment, DockerPackager, PythonEnvironment
from orion.errors import Invalid, NotFound
from orion.sdk.client import SyncClient
from orion.settings import temporary_settings
from tests.agent.house import House, Start
from tests.infrastructure.docker_engine import Engine
from tests.servers import eventually

pytestmark = pytest.mark.filterwarnings(
    "ignore:The flow"
)  # each test has a file of its own with the same flows
NEEDS = PythonEnvironment("3.12", ["orion-server==1", "httpx"])


@pytest.fixture
def client(house: House) -> Iterator[SyncClient]:
    with temporary_settings({"ORION_API_URL": house.api}), SyncClient() as opened:
        yield opened


@pytest.fixture
def folder(flow_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory with the flow, a neighbour and something that no image needs."""
    (own := flow_file.parent / "project").mkdir()
    flow_file.rename(own / "flows.py")
    (own / "helper.py").write_text("")
    (own / "big.bin").write_bytes(b"0" * 1000)
    (own / ".orionignore").write_text("*.bin\n")
    monkeypatch.chdir(own)
    return own


@pytest.mark.row("STO-10")
def test_a_flow_is_built_into_an_image_and_runs_in_containers_of_it(
    house: House, start: Start, engine: Engine, folder: Path, client: SyncClient, tmp_path: Path
) -> None:
    inside = tmp_path / "inside"
    packager = DockerPackager(environment=NEEDS, image_flow_location=str(inside), platform="linux/amd64")
    made = build("flows.py:hello", "image", packager=packager)
    image = made.job_variables["image"]
    assert made.job_variables == {"type": "docker-container", "image": image} and made.path == str(inside)
    assert image.startswith("hello:") and engine.calls == [f"build {image} linux/amd64"]
    assert sorted(path.name for path in inside.iterdir()) == [".orion", ".orionignore", "flows.py", "helper.py"]
    assert engine.built[image].splitlines() == [
        "FROM python:3.12-slim",
        "COPY .orion/requirements.txt /opt/orion/requirements.txt",
        "RUN python -m pip install --no-cache-dir -r /opt/orion/requirements.txt",
        'RUN ["python", "-c", "import orion"]',
        f"COPY . {inside}",
        f"WORKDIR {inside}",
    ]
    assert (inside / ".orion" / "requirements.txt").read_text() == "orion-server==1\nhttpx\n"
    (folder / "flows.py").unlink()
    run = house.run(apply(made, client).id)
    start()
    eventually(lambda: house.state(run)[0] in ("COMPLETED", "CRASHED", "FAILED"))
    assert house.state(run)[0] == "COMPLETED", house.state(run)


@pytest.mark.row("STO-10")
def test_equal_code_makes_the_same_image_and_other_code_another(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    packager = DockerPackager("team/flows", environment=NEEDS, image_flow_location=str(tmp_path / "x"))

    def image(**options: object) -> str:
        return str(build("flows.py:hello", packager=packager).job_variables["image"])

    first = image()
    assert first.startswith("team/flows:") and image() == first
    (folder / "big.bin").write_bytes(b"1")
    assert image() == first
    (folder / "helper.py").write_text("x = 1")
    assert image() != first


@pytest.mark.row("STO-10")
def test_an_image_is_pushed_with_the_account_of_a_registry_and_pulled_with_it(
    house: House, engine: Engine, folder: Path, client: SyncClient, tmp_path: Path, start: Start
) -> None:
    engine.passwords["registry.example.org"] = "word"
    with temporary_settings({"ORION_API_URL": house.api}):
        account = DockerRegistry(registry_url="registry.example.org", username="me", password="word")
        account.save("ours")
    inside = str(tmp_path / "x")
    packager = DockerPackager("flows:7", environment=NEEDS, registry="ours", image_flow_location=inside)
    made = build("flows.py:hello", "pushed", packager=packager)
    image = "registry.example.org/flows:7"
    assert made.job_variables["image"] == image and engine.pushed[image]["username"] == "me"
    engine.images.discard(image)  # as on another machine
    engine.registry[image] = "word"
    run = house.run(apply(made, client).id)
    start()
    eventually(lambda: house.state(run)[0] in ("COMPLETED", "CRASHED", "FAILED"))
    assert house.state(run)[0] == "COMPLETED", house.state(run)
    engine.passwords["registry.example.org"] = "another"
    with pytest.raises(InfrastructureError, match="cannot be pushed: denied: access is not allowed"):
        build("flows.py:hello", packager=packager)


@pytest.mark.row("STO-10")
def test_a_dockerfile_of_ones_own_gets_the_code_on_top(engine: Engine, folder: Path, tmp_path: Path) -> None:
    (folder / "Dockerfile").write_text("FROM flows-base:1\nUSER nobody")
    packager = DockerPackager("own:1", dockerfile="Dockerfile", image_flow_location=str(tmp_path / "x"))
    build("flows.py:hello", packager=packager)
    assert engine.built["own:1"].startswith("FROM flows-base:1\nUSER nobody\n")
    with pytest.raises(NotFound, match="There is no Dockerfile"):
        build("flows.py:hello", packager=DockerPackager(dockerfile="gone"))
    with pytest.raises(Invalid, match="without base_image and environment"):
        DockerPackager(dockerfile="Dockerfile", base_image="x")


@pytest.mark.row("STO-10")
def test_an_environment_of_conda_is_installed_by_conda(engine: Engine, folder: Path, tmp_path: Path) -> None:
    needs = CondaEnvironment("3.12", ["numpy=2.1"], ["orion-server==1"])
    packager = DockerPackager("c:1", environment=needs, image_flow_location=str(tmp_path / "x"))
    build("flows.py:hello", packager=packager)
    assert "RUN conda env update --quiet --name base --file" in engine.built["c:1"]
    assert "- numpy=2.1" in (tmp_path / "x" / ".orion" / "environment.yml").read_text()


@pytest.mark.row("STO-10")
def test_an_image_of_a_saved_infrastructure_is_put_in_its_place(
    house: House, engine: Engine, folder: Path, client: SyncClient, tmp_path: Path
) -> None:
    DockerContainer(image="other:1", networks=["backend"]).save("net")
    Process().save("here")
    packager = DockerPackager("flows:8", environment=NEEDS, image_flow_location=str(tmp_path / "x"))
    made = build("flows.py:hello", packager=packager, infrastructure="docker-container/net")
    assert made.job_variables == {"image": "flows:8"}
    for wrong in ({"infrastructure": "process/here"}, {"job_variables": {"type": "process"}}):
        with pytest.raises(Invalid, match="run by docker-container or kubernetes-job, not by process"):
            build("flows.py:hello", packager=packager, **wrong)  # type: ignore[arg-type]


@pytest.mark.row("STO-10")
def test_a_build_that_fails_shows_its_last_lines_and_a_missing_engine_says_so(
    house: House, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr("orion.deployments.packaging.in_image.LOCATION", str(tmp_path / "x"))
    words = ["deployment", "build", "flows.py:hello", "-n", "x", "--packager", "docker", "--image", "a:1"]
    engine.failing["build"] = (200, "The command 'python -c import orion' returned a non-zero code: 1")
    with temporary_settings({"ORION_API_URL": house.api}):
        assert orion(words) == 1
        said = capsys.readouterr().err
        assert "The image 'a:1' cannot be built" in said and "Orion is not in the image" in said
        assert "Step : FROM python:" in said
        del engine.failing["build"]
        assert orion(words) == 0
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
        assert orion(words) == 1
    assert "does not answer" in capsys.readouterr().err
    (folder / ".orionignore").write_text("flows.py\n")
    with pytest.raises(Invalid, match=r"would be without flows\.py"):
        build("flows.py:hello", packager=DockerPackager(environment=NEEDS))
