"""Marks for arguments of tasks: give it whole to each child, let a failure through, look no further."""

from __future__ import annotations

from typing import Any


class Annotation:
    """A value with a mark; `unwrap()` gives the value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def unwrap(self) -> Any:
        return self.value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"


class unmapped(Annotation):
    """In `task.map(...)`: the same value for every child, not one element each."""


class allow_failure(Annotation):
    """The task runs even if this upstream run failed; it gets the exception in place of the data."""


class quote(Annotation):
    """The value is passed as it is: nothing inside is looked at for futures."""


def strip(value: Any) -> Any:
    """The value under all marks."""
    while isinstance(value, Annotation):
        value = value.value
    return value
