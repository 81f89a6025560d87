"""Saved searches: a named view of the run list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from orion.model.ids import Id


class SavedSearchFilter(Struct, kw_only=True):
    """One condition of a saved search."""

    object: str
    property: str
    type: str
    operation: str
    value: Any


class SavedSearch(Struct, kw_only=True):
    """A saved search as it is read."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    filters: list[SavedSearchFilter] = []


class SavedSearchCreate(Struct, kw_only=True):
    """A saved search to make or change, by its name."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    filters: Annotated[list[SavedSearchFilter], Meta(max_length=200)] = []
