"""The wheel, alone in a fresh environment: the same command, with templates, static files and clock inside."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import CHECKOUT, OrionServer, clean_environment

VERSION = "0.1.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        ".",
    ]
    built = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("orion_server-*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel in it; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert installed.returncode == 0, installed.stderr
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def orion(python: Path, *args: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python.parent / "orion"), *args],
        env={**clean_environment(home), "PYTHONPATH": ""},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[OrionServer]:
    started = OrionServer(tmp_path, python=str(python), PYTHONPATH="")
    yield started
    started.kill()


def test_the_wheel_holds_every_file_once_and_no_test(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    assert {
        "orion/app.py",
        "orion/tasks/__init__.py",
        "orion/static/orion.css",
        "orion/templates/base.html",
    } <= set(names)
    assert any(name.startswith("orion/store/migrations/0001") for name in names)
    assert any(name.startswith("orion/store/sql/") for name in names)
    assert {name.split("/")[0] for name in names} == {"orion", f"orion_server-{VERSION}.dist-info"}


def test_every_template_and_static_file_of_the_checkout_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "static", "tasks"):
        files = [f for f in (CHECKOUT / folder).rglob("*") if f.is_file() and "__pycache__" not in f.parts]
        assert files and {f"orion/{file.relative_to(CHECKOUT)}" for file in files} <= names


def test_the_command_is_there_and_is_the_wheels(python: Path, tmp_path: Path) -> None:
    answer = orion(python, "version", "--json", home=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert f'"version": "{VERSION}"' in answer.stdout and '"commit": null' in answer.stdout


def test_the_checkout_as_working_directory_does_not_get_in_the_way(python: Path, tmp_path: Path) -> None:
    code = "from orion.layout import asset, door; print(asset('templates'), door('tasks').__name__)"
    environment = {**clean_environment(tmp_path), "PYTHONPATH": ""}
    said = subprocess.run(
        [str(python), "-P", "-c", code],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert (
        said.stdout.split()[0].startswith(str(python.parent.parent))
        and said.stdout.split()[1] == "orion.tasks"
    )


def test_the_server_starts_and_serves_pages_with_their_files(server: OrionServer) -> None:
    page = httpx.get(server.url, headers={"Accept": "text/html"}, follow_redirects=True)
    assert page.status_code == 200
    style = next(part.split('"')[0] for part in page.text.split('href="') if ".css" in part.split('"')[0])
    assert httpx.get(str(page.url.join(style))).status_code == 200
    assert server.get("/health").json() is True
    assert server.stop() == 0


def test_the_clock_is_inside(python: Path, tmp_path: Path) -> None:
    answer = orion(python, "clock", "--once", home=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "lateness: 0" in answer.stdout
