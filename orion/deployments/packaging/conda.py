"""What conda has installed here, read from the notes that it keeps in its environments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from orion.errors import Invalid


class CondaPackage(NamedTuple):
    """A package of conda, and whether somebody asked for it by name."""

    name: str
    version: str
    build: str
    channel: str
    asked_for: bool

    def requirement(self, with_build: bool = False) -> str:
        """As conda reads it: `name=1.0`, or `name=1.0=build`, which one platform has."""
        return f"{self.name}={self.version}{f'={self.build}' if with_build else ''}"


def conda_packages(prefix: str | Path | None = None) -> list[CondaPackage]:
    """The packages of the environment at `prefix` or of this one, by name; raises `Invalid` if it is none of conda."""
    notes = Path(prefix or sys.prefix) / "conda-meta"
    if not notes.is_dir():
        raise Invalid(
            f"The Python at {notes.parent} is not in an environment of conda: use PythonEnvironment, "
            "or run this in one."
        )
    return sorted(_package(json.loads(file.read_text(encoding="utf-8"))) for file in notes.glob("*.json"))


def _package(note: dict[str, object]) -> CondaPackage:
    asked_for = bool(note.get("requested_spec") or note.get("requested_specs"))
    build = str(note.get("build_string") or note.get("build") or "")
    return CondaPackage(str(note["name"]), str(note["version"]), build, _channel(note), asked_for)


def _channel(note: dict[str, object]) -> str:
    """The channel as one writes it: the last part of its address."""
    return (
        str(note.get("channel") or "").rstrip("/").removesuffix(f"/{note.get('subdir')}").rpartition("/")[2]
    )
