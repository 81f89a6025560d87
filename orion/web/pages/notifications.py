"""Notifications: policies as sentences, what became of each message, and the form of a policy under its sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from msgspec import Struct, convert

from orion.errors import Conflict, Invalid, OrionError
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
    Delivery,
    DeliveryQuery,
    FlowRunNotificationPolicy,
    FlowRunNotificationPolicyCreate,
    FlowRunNotificationPolicyUpdate,
    check_template,
)
from orion.store import console, flow_runs, notifications
from orion.store import notification_policies as policies
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import day_of, look
from orion.web.handlers import notification_policies as api
from orion.web.pages.shared import found, gather, here, see

WEEK = timedelta(days=7)
STATES = ("Failed", "Crashed", "Late", "Cancelled", "Completed", "Running")
TYPES = {name: name.upper() for name in STATES}
SHOWN = {"all": None, "open": "waiting", "dead": "dead", "sent": "delivered"}
MOST = 50
SAVED_AS_IT_IS = ["Failed", "Crashed"]


class Sentence(Struct):
    """What a policy says: when a run of or tagged these enters one of those, tell the block."""

    states: list[tuple[str, str]]
    tags: list[str]
    of: list[str]
    block_id: str
    block: str


class PolicyRow(Struct):
    """A policy in words, and how its messages have fared in seven days."""

    policy: FlowRunNotificationPolicy
    sentence: Sentence
    sent: int
    dead: int
    last: datetime | None


class DeliveryGroup(Struct):
    """Messages under one heading: those that were given up, or those of a day."""

    title: str
    note: str
    rows: list[Delivery]


class Values(Struct):
    """What the form holds."""

    states: list[str]
    others: str
    tags: str
    flow: str
    deployment: str
    to: str
    message: str


async def listing(call: Call) -> Reply:
    """List policies and messages, with the form of a new policy."""
    return await _listing(call, _asked(call.query) if call.query.get("to") is not None else None)


async def create(call: Call) -> Reply:
    """Save a new policy."""
    values = _asked(call.form)
    try:
        call.body = _policy(values)
        return await api.create(call)
    except (Invalid, Conflict) as error:
        return await _listing(call, values, error.message, 422)


async def try_out(call: Call) -> Reply:
    """Send a test message through the block that the form names, and show the form again."""
    values = _asked(call.form)
    outcome = await _outcome(call, values.to)
    where = await call.store.read(policies.get, str(call.form.get("policy", "")))
    if where is not None:
        return await _edit(call, where, values, tested=outcome)
    return await _listing(call, values, tested=outcome)


async def edit(call: Call) -> Reply:
    """Show a policy in its form."""
    policy = found(await call.store.read(policies.get, call.path["id"]), "notification policy")
    asked = _asked(call.query) if call.query.get("to") is not None else None
    return await _edit(call, policy, asked or _values_of(policy))


async def update(call: Call) -> Reply:
    """Save what the form of a policy holds."""
    policy = found(await call.store.read(policies.get, call.path["id"]), "notification policy")
    values = _asked(call.form)
    try:
        wanted = _policy(values)
        names = ("state_names", "tags", "block_document_id", "message_template", "flow_ids", "deployment_ids")
        call.body = FlowRunNotificationPolicyUpdate(**{name: getattr(wanted, name) for name in names})
        return await api.update(call)
    except (Invalid, Conflict) as error:
        return await _edit(call, policy, values, error.message, status=422)


async def pause(call: Call) -> Reply:
    """Send nothing of a policy; what waits already still goes out."""
    return await _switch(call, False, "Off: new states are not told")


async def resume(call: Call) -> Reply:
    """Send again from now on."""
    return await _switch(call, True, "On")


async def test(call: Call) -> Reply:
    """Send a test message through a policy's block."""
    policy = found(await call.store.read(policies.get, call.path["id"]), "notification policy")
    outcome = await _outcome(call, policy.block_document_id)
    words = f"Test message: {outcome['said']}"
    toast = {"text": words} if outcome["delivered"] else {"error": words}
    kept = {"Set-Cookie": f"said={quote(words)}; Max-Age=5; Path=/; SameSite=Lax"}
    partial = call.headers.get("sec-fetch-dest") == "empty"
    return Reply(outcome, trigger={"toast": toast}, location="notifications", headers={} if partial else kept)


async def _outcome(call: Call, block_id: str) -> dict[str, Any]:
    try:
        tested = await api.outcome_of_test(call, block_id)
    except OrionError as error:
        return {"delivered": False, "said": error.message}
    return {"delivered": tested.delivered, "said": tested.said}


async def _switch(call: Call, active: bool, words: str) -> Reply:
    wanted = FlowRunNotificationPolicyUpdate(is_active=active)
    await call.store.write(policies.update, call.path["id"], wanted, call.now)
    return Reply(None, trigger={"toast": {"text": words}, "notifications": {}}, location="notifications")


async def _listing(
    call: Call,
    values: Values | None,
    error: str = "",
    status: int = 200,
    tested: dict[str, Any] | None = None,
) -> Reply:
    now, show = see(call), call.query.get("show", "all")
    data = await gather(call, _list, values, show if show in SHOWN else "all", now)
    more = {"error": error, "tested": tested, "now": now, "here": here(call)}
    return Reply({**data, **more}, "notifications/list.html#page", status=status)


async def _edit(
    call: Call,
    policy: FlowRunNotificationPolicy,
    values: Values,
    error: str = "",
    status: int = 200,
    tested: dict[str, Any] | None = None,
) -> Reply:
    now = see(call)
    data = await gather(call, _form, values, now)
    more = {"policy": policy, "error": error, "tested": tested, "now": now}
    return Reply({**data, **more}, "notifications/edit.html#form", status=status)


def _list(conn: Conn, values: Values | None, show: str, now: datetime) -> dict[str, Any]:
    form = _form(conn, values, now)
    rows = _rows(conn, policies.filter(conn, None, 200), now)
    totals = notifications.totals(conn, now - WEEK)
    shown = notifications.filter(conn, DeliveryQuery(status=SHOWN[show]), MOST)  # type: ignore[arg-type]
    dead = notifications.filter(conn, DeliveryQuery(status="dead"), 1)
    return {
        **form,
        "rows": rows,
        "on": sum(row.policy.is_active for row in rows),
        "totals": totals._asdict(),
        "groups": _groups(shown),
        "show": show,
        "dead": dead[0] if dead else None,
    }


def _form(conn: Conn, values: Values | None, now: datetime) -> dict[str, Any]:
    blocks = notifications.blocks(conn)
    asked = values is not None
    values = values or Values(SAVED_AS_IT_IS, "", "", "", "", blocks[0][0] if blocks else "", "")
    flows, deployments = console.flow_options(conn), console.deployment_options(conn)
    of = [name for id, name in (*flows, *deployments) if id in (values.flow, values.deployment)]
    states = _states(values)
    return {
        "values": values,
        "blocks": blocks,
        "flows": flows,
        "deployments": deployments,
        "states": [(name, look(TYPES[name], name)) for name in STATES],
        "variables": VARIABLES,
        "usual": DEFAULT_TEMPLATE,
        "sentence": Sentence(
            [(look(TYPES.get(name, "SCHEDULED"), name), name) for name in states],
            _words(values.tags),
            of,
            values.to,
            dict(blocks).get(values.to, ""),
        ),
        "matched": _matched(conn, states, values, now) if asked else None,
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


def _rows(conn: Conn, found: list[FlowRunNotificationPolicy], now: datetime) -> list[PolicyRow]:
    fared = notifications.fared(conn, now - WEEK)
    blocks = dict(notifications.blocks(conn, [policy.block_document_id for policy in found]))
    names = console.flow_names(conn, (id for policy in found for id in policy.flow_ids))
    names |= console.deployment_names(conn, (id for policy in found for id in policy.deployment_ids))
    nothing = notifications.Fared(0, 0, None)
    return [_row(policy, blocks, names, fared.get(policy.id, nothing)) for policy in found]


def _row(
    policy: FlowRunNotificationPolicy,
    blocks: dict[str, str],
    names: dict[str, str],
    fared: notifications.Fared,
) -> PolicyRow:
    states = [(look(TYPES.get(name, "SCHEDULED"), name), name) for name in policy.state_names]
    of = [names.get(id, "a deleted one") for id in (*policy.flow_ids, *policy.deployment_ids)]
    block = blocks.get(policy.block_document_id, "")
    sentence = Sentence(states, policy.tags, of, policy.block_document_id, block)
    return PolicyRow(policy, sentence, fared.sent, fared.dead, fared.last)


def _groups(rows: list[Delivery]) -> list[DeliveryGroup]:
    """Those that were given up first, then the others by day."""
    dead = [row for row in rows if row.status == "dead"]
    note = "1 message was not delivered" if len(dead) == 1 else f"{len(dead)} messages were not delivered"
    groups = [DeliveryGroup("Gave up", note, dead)] if dead else []
    for row in rows:
        if row.status == "dead":
            continue
        title, note = day_of(row.delivered or row.created)
        if not groups or (groups[-1].title, groups[-1].note) != (title, note):
            groups.append(DeliveryGroup(title, note, []))
        groups[-1].rows.append(row)
    return groups


def _asked(fields: Any) -> Values:
    """The form as it was sent, or as the query of a page says."""
    text = {
        name: str(fields.get(name, "")) for name in ("others", "tags", "flow", "deployment", "to", "message")
    }
    return Values([str(name) for name in fields.getlist("state") if name in STATES], **text)


def _values_of(policy: FlowRunNotificationPolicy) -> Values:
    return Values(
        [name for name in policy.state_names if name in STATES],
        ", ".join(name for name in policy.state_names if name not in STATES),
        ", ".join(policy.tags),
        policy.flow_ids[0] if policy.flow_ids else "",
        policy.deployment_ids[0] if policy.deployment_ids else "",
        policy.block_document_id,
        policy.message_template or "",
    )


def _policy(values: Values) -> FlowRunNotificationPolicyCreate:
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
