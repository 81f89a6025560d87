"""Named SQL: one file a resource, each statement under its name and a sentence.

    -- name: get
    -- One flow run by its id.
    SELECT ... WHERE id = :id;

`load("flow_runs").get` is that statement's text; `store/dialect.py` lists the words in braces.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


class Statements:
    """The statements of one file, as attributes."""

    def __init__(self, resource: str, statements: dict[str, str]) -> None:
        self.__dict__.update(statements)
        self._resource = resource

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"store/sql/{self._resource}.sql has no statement named {name!r}")


@cache
def load(resource: str) -> Statements:
    """The statements of `store/sql/<resource>.sql`."""
    text = files(__package__).joinpath(f"{resource}.sql").read_text(encoding="utf-8")
    return Statements(resource, parse(text))


def parse(text: str) -> dict[str, str]:
    """Statement texts by name; comments above the first name are for the reader only."""
    _, *parts = _NAME.split(text)
    return {name: _bare(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _bare(body: str) -> str:
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().rstrip(";")
