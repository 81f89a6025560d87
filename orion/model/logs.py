"""Log lines of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from orion.model.ids import Id


class Log(Struct, kw_only=True):
    """A log line as it is read."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class LogCreate(Struct, kw_only=True):
    """A log line to keep. With `source` (the sending process) and `seq` it is kept once, however often it is sent."""

    name: Annotated[str, Meta(max_length=1000)]
    level: Annotated[int, Meta(ge=-(2**31), lt=2**31)]
    message: Annotated[str, Meta(max_length=1_000_000)]
    timestamp: datetime
    flow_run_id: Id | None = None
    task_run_id: Id | None = None
    source: Id | None = None
    seq: Annotated[int, Meta(ge=0, lt=2**62)] | None = None
