"""Notification policies, and the messages that were sent or wait to be."""

from __future__ import annotations

from msgspec import UNSET

from orion.errors import NotFound
from orion.model.ids import new_id
from orion.model.notifications import FlowRunNotificationPolicy, TestOutcome, check_template
from orion.notify.message import Unsendable
from orion.notify.send import Failed
from orion.services import notifying
from orion.store import notification_policies as policies
from orion.store import notifications
from orion.vault import WrongKey
from orion.web.call import Call, Reply
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Create a policy; a template with an unknown variable is refused."""
    check_template(call.body.message_template)
    made = await call.store.write(policies.create, call.body, call.now)
    return Reply(made, status=201, location="notifications")


async def read(call: Call) -> Reply:
    """Read a policy."""
    return Reply(_found(await call.store.glance(policies.get, call.path["id"])))


async def filter(call: Call) -> Reply:
    """List policies, oldest first."""
    wanted = call.body.flow_run_notification_policy_filter
    return Reply(await call.store.read(policies.filter, wanted, *window(call)))


async def update(call: Call) -> Reply:
    """Change what is given of a policy."""
    if call.body.message_template is not UNSET:
        check_template(call.body.message_template)
    await call.store.write(policies.update, call.path["id"], call.body, call.now)
    return Reply(status=204, location="notifications")


async def delete(call: Call) -> Reply:
    """Delete a policy and its messages."""
    await call.store.write(policies.delete, call.path["id"])
    return Reply(status=204, location="notifications")


async def test(call: Call) -> Reply:
    """Send a test message through the policy's block, at once and without a retry; tells what came of it."""
    policy = _found(await call.store.glance(policies.get, call.path["id"]))
    return Reply(await outcome_of_test(call, policy.block_document_id))


async def outcome_of_test(call: Call, block_document_id: str) -> TestOutcome:
    """What a test message through a block met."""
    try:
        said = await notifying.test(
            call.store, call.settings, block_document_id, call.now, f"test/{new_id()}"
        )
    except (Failed, Unsendable, WrongKey) as error:
        return TestOutcome(delivered=False, said=str(error))
    return TestOutcome(delivered=True, said=said)


async def deliveries(call: Call) -> Reply:
    """List messages, newest first: those of a policy, those that wait, were delivered or given up."""
    return Reply(await call.store.read(notifications.filter, call.body, *window(call)))


async def send_again(call: Call) -> Reply:
    """Send a message now that was given up or waits for its next try; the receiver gets the same key."""
    await call.store.write(notifications.send_again, call.path["id"], call.now)
    return Reply(
        status=204,
        trigger={"toast": {"text": "It is being sent"}, "notifications": {}},
        location="notifications",
    )


def _found(policy: FlowRunNotificationPolicy | None) -> FlowRunNotificationPolicy:
    if policy is None:
        raise NotFound("Notification policy not found")
    return policy
