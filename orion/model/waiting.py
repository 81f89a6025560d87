"""Waiting: why a run has not begun, or does not go on: cause by cause, with what mends each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from orion.model.ids import Id

CauseKind = Literal[
    "time", "retry", "process", "no_deployment", "no_queue", "queue_paused", "no_agent", "queue_limit",
    "deployment_limit", "tag_limit", "named_limit", "upstream", "line", "agent", "starting", "paused", "cancelling",
    "parent", "infrastructure",
]  # fmt: skip


class Holder(Struct, kw_only=True):
    """Who holds what others wait for, and since when: a run, a task run, or a lease of neither."""

    type: Literal["flow_run", "task_run", "lease"]
    id: Id | None = None
    name: str
    since: datetime | None = None


class Mend(Struct, kw_only=True):
    """What mends a cause: a command to type, and for the console the address and fields of a form, or a link."""

    label: str
    command: str | None = None
    action: str | None = None
    fields: dict[str, str] = {}
    href: str | None = None


class Cause(Struct, kw_only=True):
    """One link of the chain. `stops` says that it holds the run back; `since` and `until` bound it where known."""

    kind: CauseKind
    stops: bool
    title: str
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    holders: list[Holder] = []
    mends: list[Mend] = []


class Waiting(Struct, kw_only=True):
    """Why a run waits. `reason` is the first cause that stops it, in one line; null where nothing does."""

    id: Id
    name: str
    state_type: str | None = None
    state_name: str | None = None
    since: datetime | None = None
    reason: str | None = None
    causes: list[Cause] = []
