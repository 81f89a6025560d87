"""orion.pyz: one file that unpacks itself and is the command; here with orion's own wheel, the rest is borrowed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from tests.servers import CHECKOUT, clean_environment

HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("orion_pyz", CHECKOUT / "scripts" / "pyz.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(CHECKOUT)], check=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def pyz(script: ModuleType, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pyz") / "orion.pyz"
    script.pack(target, {HERE: [wheel]})
    return target


def start(pyz: Path, *args: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Start it with a Python that has no orion, but what orion needs."""
    borrowed = home / "borrowed"
    borrowed.mkdir(exist_ok=True)
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if "orion" not in package.name and not (borrowed / package.name).exists():
            (borrowed / package.name).symlink_to(package)
    environment = {**clean_environment(home, **more), "PYTHONPATH": str(borrowed)}
    command = [sys.executable, "-S", str(pyz), *args]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=60)


def cached(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".cache" / "orion" / "pyz").iterdir())


HELLO = """
import subprocess, sys
from orion import flow

@flow(log_prints=True)
def hello():
    code = "import orion; print(orion.__file__)"
    print(subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True).stdout)
"""


def test_the_file_is_the_command_and_what_it_starts_finds_orion_too(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    said = start(pyz, "deployment", "build", "hello.py:hello", "-n", "dev", "--apply", home=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    ran = start(pyz, "deployment", "execute", "hello/dev", home=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (folder,) = cached(tmp_path)
    assert f"/.cache/orion/pyz/{folder}/orion/__init__.py" in ran.stdout + ran.stderr


def test_several_that_unpack_at_once_leave_one_folder(pyz: Path, tmp_path: Path) -> None:
    start(pyz, "version", home=tmp_path, XDG_CACHE_HOME=str(tmp_path / "other"))
    with ThreadPoolExecutor(4) as pool:
        codes = [
            done.returncode for done in pool.map(lambda _: start(pyz, "version", home=tmp_path), range(4))
        ]
    assert codes == [0, 0, 0, 0]
    assert len(cached(tmp_path)) == 1 and len(list((tmp_path / "other" / "orion" / "pyz").iterdir())) == 1


def test_a_python_or_a_machine_it_is_not_for_is_told(
    script: ModuleType, wheel: Path, pyz: Path, tmp_path: Path
) -> None:
    script.pack(tmp_path / "old.pyz", {"3.5": [wheel]})
    refused = start(tmp_path / "old.pyz", "version", home=tmp_path)
    wanted = f"This orion.pyz is for Python 3.5, and this is {HERE}. Start it with one of those.\n"
    assert (refused.returncode, refused.stderr) == (1, wanted)
    foreign = tmp_path / "foreign.pyz"
    with zipfile.ZipFile(pyz) as there, zipfile.ZipFile(foreign, "w") as made:
        about = json.loads(there.read("about.json")) | {"platform": "plan9-mips"}
        made.writestr("__main__.py", there.read("__main__.py"))
        made.writestr("about.json", json.dumps(about))
    refused = start(foreign, "version", home=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("This orion.pyz is for plan9-mips, and this is ")


def test_a_cache_that_cannot_be_written_is_named(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = start(pyz, "version", home=tmp_path, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert f"cannot unpack itself in {tmp_path}/file/orion/pyz: " in refused.stderr


def test_equal_wheels_make_an_equal_file_and_each_is_in_it_once(
    script: ModuleType, wheel: Path, pyz: Path, tmp_path: Path
) -> None:
    script.pack(tmp_path / "again.pyz", {HERE: [wheel]})
    assert (tmp_path / "again.pyz").read_bytes() == pyz.read_bytes()
    script.pack(tmp_path / "two.pyz", {"3.11": [wheel], "3.12": [wheel]})
    names = zipfile.ZipFile(tmp_path / "two.pyz").namelist()
    assert sorted(names) == ["__main__.py", "about.json", f"wheels/{wheel.name}"]


def test_what_a_wheel_keeps_beside_its_packages_is_unpacked_and_its_scripts_are_not(
    script: ModuleType, wheel: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other-1-py3-none-any.whl"
    with zipfile.ZipFile(other, "w") as made:
        made.writestr("other-1.data/purelib/other/__init__.py", "")
        made.writestr("other-1.data/scripts/other", "")
    script.pack(tmp_path / "more.pyz", {HERE: [wheel, other]})
    assert start(tmp_path / "more.pyz", "version", home=tmp_path).returncode == 0
    (folder,) = (tmp_path / ".cache" / "orion" / "pyz").iterdir()
    assert (folder / "other" / "__init__.py").exists() and not list(folder.glob("*.data"))
