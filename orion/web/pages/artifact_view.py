"""How an artifact is shown, by its type: Markdown, a table, a picture, a bar, or its JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from orion.model.artifacts import Artifact
from orion.model.wire import unraw
from orion.web import markdown
from orion.web.display import json_block, plural
from orion.web.parse import typed_json

ROWS, COLUMNS, LETTERS = 100, 30, 300
BRIEF = 4_000


class Shown(Struct):
    """An artifact and what its page draws: `kind` chooses it, `cut` says what is left out."""

    artifact: Artifact
    kind: str
    text: str = ""
    head: list[str] = []
    rows: list[list[str]] = []
    percent: float = 0
    cut: str = ""


def shown(artifact: Artifact, *, brief: bool = False) -> Shown:
    """The artifact as it is shown; `brief` is for pages with several of them."""
    data = unraw(artifact.data)
    most = BRIEF if brief else markdown.MOST
    match artifact.type:
        case "markdown" | "link" if isinstance(data, str):
            return Shown(artifact, "markdown", markdown.render(data, most), cut=_cut(data, most))
        case "table" if (table := _table(data)) is not None:
            return _as_table(artifact, *table, 10 if brief else ROWS)
        case "image" if isinstance(data, str) and markdown.is_picture(data):
            return Shown(artifact, "image", data)
        case "image" if isinstance(data, str) and markdown.is_web(data):
            return Shown(artifact, "picture", data)
        case "progress" if isinstance(data, int | float):
            return Shown(artifact, "progress", percent=min(max(float(data), 0), 100))
        case _:
            text = data if isinstance(data, str) else json_block(data)
            return Shown(artifact, "json", text[:most], cut=_cut(text, most))


def _as_table(artifact: Artifact, head: list[str], rows: list[list[Any]], most: int) -> Shown:
    cells = [[_cell(value) for value in row[:COLUMNS]] for row in rows[:most]]
    said = [f"{most} of {plural(len(rows), 'row')}"] if len(rows) > most else []
    said += [f"{COLUMNS} of {plural(len(head), 'column')}"] if len(head) > COLUMNS else []
    return Shown(artifact, "table", head=head[:COLUMNS], rows=cells, cut=", ".join(said))


def _table(data: Any) -> tuple[list[str], list[list[Any]]] | None:
    """Column names and rows of a table: a list of objects, a list of lists, or an object of columns."""
    try:
        table = typed_json(data) if isinstance(data, str) else data
    except msgspec.DecodeError:
        return None
    match table:
        case dict() if table and all(isinstance(column, list) for column in table.values()):
            longest = max(map(len, table.values()))
            return list(table), [
                [column[at] if at < len(column) else None for column in table.values()]
                for at in range(longest)
            ]
        case list() if table and all(isinstance(row, dict) for row in table):
            head = list(dict.fromkeys(str(name) for row in table for name in row))
            return head, [[row.get(name) for name in head] for row in table]
        case list() if all(isinstance(row, list) for row in table):
            return [], table
    return None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LETTERS else text[:LETTERS] + "…"


def _cut(text: str, most: int) -> str:
    return f"the first {most:,} of {len(text):,} characters" if len(text) > most else ""
