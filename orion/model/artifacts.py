"""Artifacts: what runs leave for people to read. Those with a key have a history, and a collection for the newest."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from orion.model.ids import Id
from orion.model.wire import NULL, Body

KEY = r"^[a-z0-9-]+$"
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=KEY)]
Kind = Annotated[str, Meta(max_length=255)]


class Artifact(Struct, kw_only=True):
    """An artifact as it is read; `data` is any JSON, by its type."""

    id: Id
    created: datetime
    updated: datetime
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Raw = NULL
    metadata_: dict[str, str] | None = None
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class ArtifactCollection(Struct, kw_only=True):
    """A key with its newest artifact; `id` and `created` are those of the key."""

    id: Id
    created: datetime
    updated: datetime
    key: str
    latest_id: Id
    type: str | None = None
    description: str | None = None
    data: Raw = NULL
    metadata_: dict[str, str] | None = None
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class ArtifactCreate(Body, kw_only=True):
    """An artifact to make."""

    key: Key | None = None
    type: Kind | None = None
    description: str | None = None
    data: Raw = NULL
    metadata_: dict[str, str] | None = None
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class ArtifactUpdate(Struct, kw_only=True):
    """What of an artifact can be changed; a field that is left out stays."""

    data: Raw | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    metadata_: dict[str, str] | None | UnsetType = UNSET
