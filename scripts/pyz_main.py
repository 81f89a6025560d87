"""What `orion.pyz` runs: it unpacks the wheels of this Python once, then it is the command `orion`.

The processes that orion starts find the same packages by PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sys
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

DATA = ("purelib", "platlib")  # the parts of a wheel's .data folder that belong beside its packages


def main() -> None:
    """Run orion out of this file."""
    archive = zipfile.ZipFile(sys.argv[0])
    about = json.loads(archive.read("about.json"))
    packages = str(_unpacked(archive, about, _wheels(about)))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))
    sys.path.insert(0, packages)
    runpy.run_module("orion", run_name="__main__", alter_sys=True)


def _wheels(about: dict[str, Any]) -> list[str]:
    """The wheels for this Python on this machine."""
    here, mine = f"{sys.platform}-{os.uname().machine}", "{}.{}".format(*sys.version_info)
    if here != about["platform"]:
        sys.exit(f"This orion.pyz is for {about['platform']}, and this is {here}. Build one here: make pyz")
    if mine not in about["wheels"]:
        known = ", ".join(about["wheels"])
        sys.exit(f"This orion.pyz is for Python {known}, and this is {mine}. Start it with one of those.")
    wheels: list[str] = about["wheels"][mine]
    return wheels


def _unpacked(archive: zipfile.ZipFile, about: dict[str, Any], wheels: list[str]) -> Path:
    """The folder with the packages: of this very archive and this Python. Two that begin at once do no harm."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orion" / "pyz"
    folder = cache / f"{about['id']}-{sys.implementation.cache_tag}"
    if os.path.isdir(folder):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="unpacking-", dir=cache))
        try:
            for wheel in wheels:
                _unpack(zipfile.ZipFile(BytesIO(archive.read(wheel))), made)
            made.chmod(0o755)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        if not os.path.isdir(folder):
            why = f"{cache}: {error.strerror}"
            sys.exit(f"orion.pyz cannot unpack itself in {why}. XDG_CACHE_HOME names another folder.")
    return folder


def _unpack(wheel: zipfile.ZipFile, folder: Path) -> None:
    """The packages of a wheel, without its scripts."""
    for name in wheel.namelist():
        top, _, rest = name.partition("/")
        part, _, inside = rest.partition("/")
        if not top.endswith(".data"):
            wheel.extract(name, folder)
        elif part in DATA and inside and not name.endswith("/"):
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / inside).write_bytes(wheel.read(name))


if __name__ == "__main__":
    main()
