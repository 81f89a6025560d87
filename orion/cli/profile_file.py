"""The file with the profiles: read, changed, written back whole."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

from orion.errors import SettingError
from orion.settings import ALIASES, BY_NAME, convert, current

Profiles = dict[str, dict[str, str]]


class ProfileFile:
    """The profiles of this machine and which of them is active. `default` is always there."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or current().profiles_path
        self.active, self.profiles = _read(self.path)
        self.profiles.setdefault("default", {})

    def save(self) -> None:
        """Write the file: a crash leaves the old one or the new one. It may hold keys, so it is private."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(_toml(self.active, self.profiles))
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def named(self, name: str) -> dict[str, str]:
        """The values of a profile."""
        if name not in self.profiles:
            raise SettingError(
                f"There is no profile {name!r}. There are: {', '.join(sorted(self.profiles))}."
            )
        return self.profiles[name]


def full_name(name: str) -> str:
    """The name of a setting, from any spelling that orion knows."""
    upper = name.upper()
    for known in (upper, ALIASES.get(upper, ""), f"ORION_{upper}"):
        if known in BY_NAME:
            return known
    from difflib import get_close_matches

    near = get_close_matches(upper, BY_NAME, n=1)
    raise SettingError(f"There is no setting {name!r}." + (f" Did you mean {near[0]}?" if near else ""))


def check_value(name: str, text: str) -> None:
    """Refuse a value that does not fit the setting's type."""
    if "${" not in text:
        convert(BY_NAME[name], text)


def _read(path: Path) -> tuple[str, Profiles]:
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return "default", {}
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingError(f"The profiles in {path} cannot be read: {error}") from None
    profiles = {
        name: {k: str(v) for k, v in values.items()} for name, values in data.get("profiles", {}).items()
    }
    return str(data.get("active") or "default"), profiles


def _toml(active: str, profiles: Profiles) -> str:
    lines = [f"active = {_text(active)}"]
    for name, values in profiles.items():
        lines += ["", f"[profiles.{_text(name)}]"]
        lines += [f"{key} = {_text(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A basic TOML string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
