"""Notifications: policies, their message templates, and what became of each message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from orion.errors import Invalid
from orion.model.filters import Criterion, EqualsCriterion, Offset, PageLimit
from orion.model.ids import Id

DeliveryStatus = Literal["waiting", "delivered", "dead"]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(max_length=200)]
Ids = Annotated[list[Id], Meta(max_length=200)]
Template = Annotated[str, Meta(max_length=10_000)]

VARIABLES = (
    "flow_run_notification_policy_id",
    "flow_id",
    "flow_name",
    "flow_run_url",
    "flow_run_id",
    "flow_run_name",
    "flow_run_parameters",
    "flow_run_state_type",
    "flow_run_state_name",
    "flow_run_state_timestamp",
    "flow_run_state_message",
)
DEFAULT_TEMPLATE = (
    "Flow run {flow_name}/{flow_run_name} entered state `{flow_run_state_name}` at {flow_run_state_timestamp}.\n"
    "Message: {flow_run_state_message}\n"
    "Run: {flow_run_url}"
)
WORDLESS_TEMPLATE = DEFAULT_TEMPLATE.replace("Message: {flow_run_state_message}\n", "")
SUBJECT = "{flow_name} / {flow_run_name}: {flow_run_state_name}"

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class FlowRunNotificationPolicy(Struct, kw_only=True):
    """When a run enters one of the states and carries one of the tags, tell the block. An empty list means all.

    `flow_ids` and `deployment_ids` are orion's own: only runs of one of these.
    """

    id: Id
    created: datetime
    updated: datetime
    is_active: bool = True
    state_names: list[str]
    tags: list[str]
    block_document_id: Id
    message_template: str | None = None
    flow_ids: list[Id] = []
    deployment_ids: list[Id] = []


class FlowRunNotificationPolicyCreate(Struct, kw_only=True):
    """A policy to make."""

    is_active: bool = True
    state_names: Names
    tags: Names
    block_document_id: Id
    message_template: Template | None = None
    flow_ids: Ids = field(default_factory=list)
    deployment_ids: Ids = field(default_factory=list)


class FlowRunNotificationPolicyUpdate(Struct, kw_only=True):
    """What of a policy can be changed."""

    is_active: bool | UnsetType = UNSET
    state_names: Names | UnsetType = UNSET
    tags: Names | UnsetType = UNSET
    block_document_id: Id | UnsetType = UNSET
    message_template: Template | None | UnsetType = UNSET
    flow_ids: Ids | UnsetType = UNSET
    deployment_ids: Ids | UnsetType = UNSET


class FlowRunNotificationPolicyFilter(Criterion, kw_only=True):
    """Which policies."""

    is_active: EqualsCriterion | None = None


class FlowRunNotificationPolicyQuery(Struct, kw_only=True):
    """Body of `POST /flow_run_notification_policies/filter`."""

    flow_run_notification_policy_filter: FlowRunNotificationPolicyFilter | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class Delivery(Struct, kw_only=True):
    """One message: of which policy, about which state, and what became of it. Times are when it happened."""

    id: Id
    created: datetime
    policy_id: Id
    flow_run_state_id: Id
    flow_run_id: Id
    attempts: int
    next_attempt: datetime | None
    claim_until: datetime | None
    first_attempt: datetime | None
    delivered: datetime | None
    dead: datetime | None
    last_error: str | None
    answer: str | None
    flow_id: Id
    flow_name: str
    flow_run_name: str
    state_type: str
    state_name: str
    state_timestamp: datetime
    block_document_id: Id
    block_type_slug: str | None
    block_name: str | None
    status: DeliveryStatus = "waiting"
    key: str = ""


class DeliveryQuery(Struct, kw_only=True):
    """Body of `POST /notification_deliveries/filter`."""

    policy_id: Id | None = None
    status: DeliveryStatus | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class TestOutcome(Struct, kw_only=True):
    """What a test message met: whether it was taken, and what the receiver or the obstacle said."""

    __test__ = False  # no test, though its name begins like one

    delivered: bool
    said: str


def check_template(template: str | None) -> None:
    """Refuse a template that holds anything but `{name}` of a known name; `{{` and `}}` stand for braces."""
    for part in _PART.finditer(template or ""):
        if part[0] in ("{{", "}}"):
            continue
        if part[1] is None:
            raise Invalid(
                f"The message template has a lone {part[0]!r}; write it twice to mean the brace itself."
            )
        if part[1] not in VARIABLES:
            raise Invalid(
                f"The message template holds {part[0]}, which is not known. Known are: {', '.join(VARIABLES)}."
            )


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{name}` replaced by its value, and nothing evaluated."""
    return _PART.sub(
        lambda part: part[0][0] if part[0] in ("{{", "}}") else values.get(part[1], part[0]), template
    )
