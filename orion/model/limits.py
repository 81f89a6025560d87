"""Limits: how many task runs of a tag, or holders of a named slot, at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from orion.model.flows import Name
from orion.model.ids import Id

Count = Annotated[int, Meta(ge=0, lt=2**31)]
Decay = Annotated[float, Meta(ge=0)]


class ConcurrencyLimit(Struct, kw_only=True):
    """At most `concurrency_limit` task runs with the tag are RUNNING; `active_slots` are their ids."""

    id: Id
    created: datetime
    updated: datetime
    tag: str
    concurrency_limit: int
    active_slots: list[Id] = []


class ConcurrencyLimitCreate(Struct, kw_only=True):
    """A limit to make or change, by its tag."""

    tag: Annotated[str, Meta(min_length=1, max_length=255)]
    concurrency_limit: Count


class ConcurrencyLimitReset(Struct, kw_only=True):
    """Body of `reset`: the task runs that shall hold slots; none without it."""

    slot_override: list[Id] | None = None


class ConcurrencyLimitV2(Struct, kw_only=True):
    """Named slots, usable from code; with a decay they are a rate."""

    id: Id
    created: datetime
    updated: datetime
    active: bool = True
    name: str
    limit: int
    active_slots: int = 0
    denied_slots: int = 0
    slot_decay_per_second: float = 0.0
    avg_slot_occupancy_seconds: float = 2.0


class ConcurrencyLimitV2Create(Struct, kw_only=True):
    """A named limit to make."""

    name: Name
    limit: Count
    active: bool = True
    active_slots: Count = 0
    denied_slots: Count = 0
    slot_decay_per_second: Decay = 0.0


class ConcurrencyLimitV2Update(Struct, kw_only=True):
    """What of a named limit can be changed."""

    name: Name | UnsetType = UNSET
    limit: Count | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    active_slots: Count | UnsetType = UNSET
    denied_slots: Count | UnsetType = UNSET
    slot_decay_per_second: Decay | UnsetType = UNSET


class MinimalLimit(Struct, kw_only=True):
    """A named limit in the answers to increment and decrement."""

    id: Id
    name: str
    limit: int


class LeaseHolder(Struct, kw_only=True):
    """Who holds slots."""

    type: Literal["flow_run", "task_run", "deployment"]
    id: Id


class Increment(Struct, kw_only=True):
    """Slots to take; 423 when there are not enough, with `wait_seconds` only after so many seconds.

    Who sends the same `waiter` when it asks again keeps its place in the line, at any server.
    """

    names: Annotated[list[str], Meta(max_length=1000)]
    slots: Annotated[int, Meta(ge=1, lt=2**31)]
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    create_if_missing: bool | None = None
    wait_seconds: Annotated[float, Meta(ge=0, le=30)] = 0.0
    waiter: Id | None = None


class IncrementWithLease(Increment, kw_only=True):
    """Slots to take for `lease_duration` seconds, renewable."""

    lease_duration: Annotated[float, Meta(gt=0, le=86_400)] = 300.0
    holder: LeaseHolder | None = None


class Lease(Struct, kw_only=True):
    """The answer to `increment-with-lease`."""

    lease_id: Id
    limits: list[MinimalLimit]


class Decrement(Struct, kw_only=True):
    """Slots to give back; `occupancy_seconds` says how long they were held."""

    names: Annotated[list[str], Meta(max_length=1000)]
    slots: Annotated[int, Meta(ge=1, lt=2**31)]
    occupancy_seconds: Annotated[float, Meta(ge=0)] | None = None
    create_if_missing: bool | None = None


class ReleaseLease(Struct, kw_only=True):
    """Body of `decrement-with-lease`."""

    lease_id: Id


class RenewLease(Struct, kw_only=True):
    """Body of `leases/{id}/renew`."""

    lease_duration: Annotated[float, Meta(gt=0, le=86_400)] = 300.0
