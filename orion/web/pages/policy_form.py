"""The form of a notification policy: what it holds, the sentence that it makes, and the policy that it means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, convert

from orion.errors import Invalid, OrionError
from orion.model.filters import (
    Filters,
    FlowRunFilter,
    NameCriterion,
    StateCriterion,
    TagsCriterion,
    TimeCriterion,
)
from orion.model.notifications import (
    DEFAULT_TEMPLATE,
    VARIABLES,
    FlowRunNotificationPolicy,
    FlowRunNotificationPolicyCreate,
    check_template,
)
from orion.store import console, flow_runs, notifications
from orion.store.base import Conn
from orion.web.display import look

WEEK = timedelta(days=7)
STATES = ("Failed", "Crashed", "Late", "Cancelled", "Completed", "Running")
SAVED_AS_IT_IS = ["Failed", "Crashed"]


class Sentence(Struct):
    """What a policy says: when a run of or tagged these enters one of those, tell the block."""

    states: list[tuple[str, str]]
    tags: list[str]
    of: list[str]
    block_id: str
    block: str


class Values(Struct):
    """What the form holds."""

    states: list[str]
    others: str
    tags: str
    flow: str
    deployment: str
    to: str
    message: str


def form(conn: Conn, values: Values | None, now: datetime) -> dict[str, Any]:
    """What the form shows: its values, what can be chosen, the sentence that they make."""
    blocks = notifications.blocks(conn)
    filled_in = values is not None
    values = values or Values(SAVED_AS_IT_IS, "", "", "", "", blocks[0][0] if blocks else "", "")
    flows, deployments = console.flow_options(conn), console.deployment_options(conn)
    of = [name for id, name in (*flows, *deployments) if id in (values.flow, values.deployment)]
    states = _states(values)
    return {
        "values": values,
        "blocks": blocks,
        "flows": flows,
        "deployments": deployments,
        "states": [(name, shape) for shape, name in badges(STATES)],
        "variables": VARIABLES,
        "usual": DEFAULT_TEMPLATE,
        "sentence": Sentence(
            badges(states),
            _words(values.tags),
            of,
            values.to,
            dict(blocks).get(values.to, ""),
        ),
        "matched": _matched(conn, states, values, now) if filled_in else None,
    }


def _matched(conn: Conn, states: list[str], values: Values, now: datetime) -> int | None:
    """How many runs of the last seven days are in one of the states, as the policy would have met them."""
    if not states:
        return None
    chosen = FlowRunFilter(
        state=StateCriterion(name=NameCriterion(any_=states)),
        tags=TagsCriterion(any_=_words(values.tags)) if values.tags.strip() else None,
        expected_start_time=TimeCriterion(after_=now - WEEK, before_=now),
    )
    below = {}
    if values.flow:
        below["flows"] = {"id": {"any_": [values.flow]}}
    if values.deployment:
        below["deployments"] = {"id": {"any_": [values.deployment]}}
    try:
        filters = convert(below, Filters)
        filters.flow_runs = chosen
        return flow_runs.count(conn, filters)
    except (OrionError, ValueError):
        return None


def asked_of(fields: Any) -> Values:
    """The form as it was sent, or as the query of a page says."""
    text = {
        name: str(fields.get(name, "")) for name in ("others", "tags", "flow", "deployment", "to", "message")
    }
    return Values([str(name) for name in fields.getlist("state") if name in STATES], **text)


def values_of(policy: FlowRunNotificationPolicy) -> Values:
    """A policy as its form holds it."""
    return Values(
        [name for name in policy.state_names if name in STATES],
        ", ".join(name for name in policy.state_names if name not in STATES),
        ", ".join(policy.tags),
        policy.flow_ids[0] if policy.flow_ids else "",
        policy.deployment_ids[0] if policy.deployment_ids else "",
        policy.block_document_id,
        policy.message_template or "",
    )


def policy_of(values: Values) -> FlowRunNotificationPolicyCreate:
    """The policy that the form means; raises `Invalid` with what is wrong in it."""
    if not values.to:
        raise Invalid("Choose whom to tell: a policy needs a block that can send messages.")
    template = values.message.replace("\r\n", "\n").strip() or None
    check_template(template)
    wanted = {
        "state_names": _states(values),
        "tags": _words(values.tags),
        "block_document_id": values.to,
        "message_template": template,
        "flow_ids": [values.flow] if values.flow else [],
        "deployment_ids": [values.deployment] if values.deployment else [],
    }
    try:
        return convert(wanted, FlowRunNotificationPolicyCreate)
    except ValueError as error:
        raise Invalid(f"The policy cannot be saved: {error}.") from None


def _states(values: Values) -> list[str]:
    return [*values.states, *_words(values.others)]


def _words(text: str) -> list[str]:
    """The parts of a comma list, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def badges(names: Iterable[str]) -> list[tuple[str, str]]:
    """State names, each with the look of its badge."""
    return [(look(name.upper() if name in STATES else "SCHEDULED", name), name) for name in names]
