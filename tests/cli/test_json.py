"""JSON on every list and inspection: found in the tree of commands, so that a new one cannot forget it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Orion
from tests.cli.test_help import ALL

SHOWING = ("ls", "list", "inspect", "read", "view", "preview", "version", "stats", "logs", "get")
OTHERS = {"orion deployment preview"}  # prints what a shell would be told
SHOWN = sorted(
    path for path, found in ALL.items() if path.split()[-1] in SHOWING and not hasattr(found, "commands")
)
LISTS = [path for path in SHOWN if path.split()[-1] in ("ls", "list", "view", "version", "stats")]
LISTS = [path for path in LISTS if not [found for found in ALL[path].params if found.required]]


def test_the_tree_has_lists_and_inspections_of_everything() -> None:
    assert len(SHOWN) > 20
    assert {"orion flow ls", "orion work-queue inspect", "orion block type ls", "orion profile ls"} <= set(
        SHOWN
    )


@pytest.mark.parametrize("path", [path for path in SHOWN if path not in OTHERS])
def test_json_can_be_asked_for_in_both_ways(path: str) -> None:
    options = {option for found in ALL[path].params for option in found.opts}
    assert {"--json", "-o", "--output"} <= options


@pytest.mark.parametrize("path", [path for path in LISTS if path not in OTHERS])
def test_a_list_of_nothing_is_json_too_and_says_the_same_in_both_ways(
    path: str, orion: Orion, tmp_path: Path
) -> None:
    words = path.split()[1:]
    first, second = orion(*words, "--json"), orion(*words, "-o", "json")
    assert type(first.json) is type(second.json) and isinstance(first.json, list | dict)
    assert orion(*words).code == 0
