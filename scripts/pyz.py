"""Build dist/orion.pyz: orion and all it needs in one file, for this platform and several versions of Python.

`python orion.pyz start` is then a whole server where nothing may be installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.tags import platform_tags

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
FIXED = (1980, 1, 1, 0, 0, 0)  # equal contents make an equal file
FIRST_LINE = b"#!/usr/bin/env python3\n"


def build(target: Path, pythons: Sequence[str]) -> None:
    """Fetch what each Python needs, as wheels, and pack it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(CHECKOUT))
        (orion,) = folder.glob("orion_server-*.whl")
        pack(target, {python: [orion, *_fetched(orion, python, folder / python)] for python in pythons})


def pack(target: Path, wheels: Mapping[str, Sequence[Path]]) -> None:
    """Write an archive that starts, of the wheels for each Python; one that several need is in it once."""
    files = {path.name: path.read_bytes() for several in wheels.values() for path in several}
    contents = hashlib.sha256()
    for name in sorted(files):
        contents.update(name.encode() + hashlib.sha256(files[name]).digest())
    about = {
        "id": contents.hexdigest()[:16],
        "platform": f"{sys.platform}-{os.uname().machine}",
        "wheels": {
            python: sorted(f"wheels/{path.name}" for path in several) for python, several in wheels.items()
        },
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(FIRST_LINE)
        with zipfile.ZipFile(file, "w") as archive:
            _add(archive, "__main__.py", (CHECKOUT / "scripts" / "pyz_main.py").read_bytes())
            _add(archive, "about.json", json.dumps(about, indent=1).encode())
            for name in sorted(files):
                _add(archive, f"wheels/{name}", files[name])
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, FIXED), content)


def _fetched(orion: Path, python: str, folder: Path) -> list[Path]:
    platforms = [word for tag in platform_tags() for word in ("--platform", tag)]
    only = ("--only-binary=:all:", "--python-version", python, *platforms)
    _pip("download", *only, "-d", str(folder), f"{orion}[fast]")
    return [path for path in folder.glob("*.whl") if path.name != orion.name]


def _pip(*args: str) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *args]
    if code := subprocess.run(command, check=False).returncode:
        sys.exit(code)


def main() -> None:
    """Build it and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "pythons", nargs="*", metavar="PYTHON", default=PYTHONS, help=f"of {', '.join(PYTHONS)}: all"
    )
    parser.add_argument("--to", type=Path, default=CHECKOUT / "dist" / "orion.pyz", help="dist/orion.pyz")
    chosen = parser.parse_args()
    build(chosen.to, chosen.pythons)
    print(f"{chosen.to}: {chosen.to.stat().st_size / 1e6:.0f} MB, for Python {', '.join(chosen.pythons)}")


if __name__ == "__main__":
    main()
