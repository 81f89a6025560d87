"""Variables: small named values that flows read while they run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from orion.model.ids import Id

MOST_CHARACTERS = 5000
VariableName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-z0-9_-]+$")]


class Variable(Struct, kw_only=True):
    """A variable as it is read; `value` is any JSON."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    value: Raw
    tags: list[str] = []


class VariableCreate(Struct, kw_only=True):
    """A variable to make."""

    name: VariableName
    value: Raw
    tags: list[str] | None = field(default_factory=list)

    def __post_init__(self) -> None:
        _check_length(self.value)


class VariableUpdate(Struct, kw_only=True):
    """What of a variable can be changed; a field that is left out stays."""

    name: VariableName | UnsetType = UNSET
    value: Raw | UnsetType = UNSET
    tags: list[str] | None | UnsetType = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.value, Raw):
            _check_length(self.value)


def _check_length(value: Raw) -> None:
    if len(str(memoryview(value), "utf-8")) > MOST_CHARACTERS:
        raise ValueError(f"`value` is longer than {MOST_CHARACTERS} characters of JSON")
