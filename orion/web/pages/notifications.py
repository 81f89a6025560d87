"""Notifications: policies as sentences, what became of each message, and the form of a policy under its sentence."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from orion.errors import Conflict, Invalid, OrionError
from orion.model.notifications import (
    Delivery,
    DeliveryQuery,
    FlowRunNotificationPolicy,
    FlowRunNotificationPolicyUpdate,
)
from orion.store import console, notifications
from orion.store import notification_policies as policies
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import day_of
from orion.web.handlers import notification_policies as api
from orion.web.pages.policy_form import (
    WEEK,
    Sentence,
    Values,
    asked_of,
    badges,
    form,
    policy_of,
    values_of,
)
from orion.web.pages.shared import found, gather, here, see

SHOWN = {"all": None, "open": "waiting", "dead": "dead", "sent": "delivered"}
MOST = 50


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


async def listing(call: Call) -> Reply:
    """List policies and messages, with the form of a new policy."""
    return await _listing(call, asked_of(call.query) if call.query.get("to") is not None else None)


async def create(call: Call) -> Reply:
    """Save a new policy."""
    values = asked_of(call.form)
    try:
        call.body = policy_of(values)
        return await api.create(call)
    except (Invalid, Conflict) as error:
        return await _listing(call, values, error.message, 422)


async def try_out(call: Call) -> Reply:
    """Send a test message through the block that the form names, and show the form again."""
    values = asked_of(call.form)
    outcome = await _outcome(call, values.to)
    where = await call.store.read(policies.get, str(call.form.get("policy", "")))
    if where is not None:
        return await _edit(call, where, values, tested=outcome)
    return await _listing(call, values, tested=outcome)


async def edit(call: Call) -> Reply:
    """Show a policy in its form."""
    policy = found(await call.store.read(policies.get, call.path["id"]), "notification policy")
    asked = asked_of(call.query) if call.query.get("to") is not None else None
    return await _edit(call, policy, asked or values_of(policy))


async def update(call: Call) -> Reply:
    """Save what the form of a policy holds."""
    policy = found(await call.store.read(policies.get, call.path["id"]), "notification policy")
    values = asked_of(call.form)
    try:
        wanted = policy_of(values)
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
    data = await gather(call, form, values, now)
    more = {"policy": policy, "error": error, "tested": tested, "now": now}
    return Reply({**data, **more}, "notifications/edit.html#form", status=status)


def _list(conn: Conn, values: Values | None, show: str, now: datetime) -> dict[str, Any]:
    filled_in = form(conn, values, now)
    rows = _rows(conn, policies.filter(conn, None, 1000), now)
    totals = notifications.totals(conn, now - WEEK)
    shown = notifications.filter(conn, DeliveryQuery(status=SHOWN[show]), MOST)  # type: ignore[arg-type]
    dead = notifications.filter(conn, DeliveryQuery(status="dead"), 1)
    return {
        **filled_in,
        "rows": rows,
        "on": sum(row.policy.is_active for row in rows),
        "totals": totals._asdict(),
        "groups": _groups(shown),
        "show": show,
        "dead": dead[0] if dead else None,
    }


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
    states = badges(policy.state_names)
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
