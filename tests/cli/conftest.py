"""Commands run in this process, with a home of their own and without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from orion import settings
from orion.cli.root import run
from tests import databases


class Result(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


Orion = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine where nobody has configured orion."""
    for name in (*settings.BY_NAME, *settings.ALIASES):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "orion-home"
    monkeypatch.setenv("ORION_HOME", str(folder))
    settings.reload()
    yield folder
    from orion.sdk.ephemeral import unmount

    unmount()
    monkeypatch.undo()
    settings.reload()


@pytest.fixture
def migrated(home: Path) -> None:
    """A database that is up to date, for commands that are not about databases."""
    databases.put_sqlite(home / "orion.db")


@pytest.fixture
def orion(home: Path, capsys: pytest.CaptureFixture[str]) -> Orion:
    """`orion("flow", "ls")` runs that command and gives its exit code and what it printed."""

    def command(*args: str, code: int | None = 0) -> Result:
        capsys.readouterr()
        settings.reload()
        result = Result(run(list(args)), *capsys.readouterr())
        assert code is None or result.code == code, result
        return result

    return command
