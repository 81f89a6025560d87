"""Options: what may be said of a deployment beside its flow and its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from orion.deployments.packaging.packager import Packager

Catchup = Literal["all", "latest", "none"]
Overlap = Literal["allow", "queue", "skip", "cancel-previous"]
Collision = Literal["ENQUEUE", "CANCEL_NEW", "CANCEL_OLD"]


class Options(TypedDict, total=False):
    """Keywords of `build`, `Deployment.build_from_flow`, `flow.deploy`, `flow.to_deployment` and `flow.serve`.

    `rrule` is a text or a `dateutil.rrule.rrule`.
    """

    description: str | None
    version: str | None
    tags: Sequence[str]
    parameters: Mapping[str, Any] | None
    cron: str | None
    interval: float | timedelta | None
    rrule: Any
    timezone: str | None
    anchor_date: str | None
    schedules: Sequence[Mapping[str, Any]]
    paused: bool
    catchup: Catchup | None
    overlap: Overlap | None
    concurrency_limit: int | None
    collision_strategy: Collision | None
    work_queue_name: str | None
    infrastructure: str | None
    storage: Any
    packager: Packager | None
    skip_upload: bool
    ignore_file: str | None
    job_variables: Mapping[str, Any] | None
