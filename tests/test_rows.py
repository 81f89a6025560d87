"""The marks that tests carry name rows of the acceptance list."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def rows() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "rows", Path(__file__).parent.parent / "scripts" / "rows.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_mark_names_a_row_of_the_list(rows: ModuleType) -> None:
    assert rows.marked_rows().keys() <= rows.known_rows().keys()


def test_the_list_is_complete_and_without_repetition(rows: ModuleType) -> None:
    lines = (Path(__file__).parent / "data" / "rows.txt").read_text().splitlines()
    assert len(lines) == len(rows.known_rows())
    assert {"API-01", "ENG-20", "SDK-32", "CLI-17", "SET-09", "EPH-05"} <= rows.known_rows().keys()
