"""Flows: a name that runs and deployments hang on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from orion.model.ids import Id
from orion.model.wire import EMPTY_OBJECT, Body, JsonObject

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^/%&><\x00]+$")]
Tags = Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=200)]


class Flow(Struct, kw_only=True):
    """A flow as it is read."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    tags: list[str] = []
    labels: Raw = EMPTY_OBJECT


class FlowCreate(Body, kw_only=True):
    """A flow to find or make, by its name."""

    name: Name
    tags: Tags = field(default_factory=list)
    labels: JsonObject = EMPTY_OBJECT


class FlowUpdate(Struct, kw_only=True):
    """What of a flow can be changed."""

    tags: Tags | None = None
