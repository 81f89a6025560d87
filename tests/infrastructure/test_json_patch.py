"""JSON 6902 patches: each operation, and what refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from orion.blocks.infrastructure.json_patch import patched
from orion.errors import Invalid

DOCUMENT: dict[str, Any] = {"a": {"b": [1, 2]}, "x/y": 1, "~": 0}


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ({"op": "add", "path": "/a/b/1", "value": 9}, {**DOCUMENT, "a": {"b": [1, 9, 2]}}),
        ({"op": "add", "path": "/a/b/-", "value": 9}, {**DOCUMENT, "a": {"b": [1, 2, 9]}}),
        ({"op": "add", "path": "/c", "value": {}}, {**DOCUMENT, "c": {}}),
        ({"op": "remove", "path": "/a/b/0"}, {**DOCUMENT, "a": {"b": [2]}}),
        ({"op": "replace", "path": "/x~1y", "value": 2}, {**DOCUMENT, "x/y": 2}),
        ({"op": "replace", "path": "/~0", "value": 2}, {**DOCUMENT, "~": 2}),
        ({"op": "replace", "path": "", "value": 2}, 2),
        ({"op": "move", "from": "/a/b", "path": "/b"}, {**DOCUMENT, "a": {}, "b": [1, 2]}),
        ({"op": "copy", "from": "/a/b/1", "path": "/b"}, {**DOCUMENT, "b": 2}),
        ({"op": "test", "path": "/a/b", "value": [1, 2]}, DOCUMENT),
    ],
)
def test_an_operation_changes_the_document(operation: dict[str, Any], wanted: Any) -> None:
    assert patched(DOCUMENT, [operation]) == wanted


@pytest.mark.row("INF-03")
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/no/where", "value": 1},
        {"op": "add", "path": "/a/b/3", "value": 1},
        {"op": "add", "path": "/a/b/01", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/a/b/-", "value": 1},
        {"op": "move", "from": "/a", "path": "/a/b"},
        {"op": "test", "path": "/x~1y", "value": 2},
        {"op": "grow", "path": "/a"},
        {"path": "/a"},
    ],
)
def test_an_operation_that_does_not_fit_is_named(operation: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="Patch 2 "):
        patched(DOCUMENT, [{"op": "add", "path": "/new", "value": 1}, operation])
    assert DOCUMENT == {"a": {"b": [1, 2]}, "x/y": 1, "~": 0}
