"""Notifying: empties the outbox. A message is claimed, sent outside any transaction, then marked (I8).

Who dies between sending and marking leaves a claim that ends; the message goes out again under the same key.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from orion.model.notifications import DEFAULT_TEMPLATE, SUBJECT, WORDLESS_TEMPLATE, fill
from orion.model.times import iso
from orion.model.wire import unraw
from orion.notify import Message, compose
from orion.notify.message import Unsendable
from orion.notify.send import Failed, send
from orion.settings import Settings, current
from orion.store import Conn, Lane, Store, block_documents, shown_blocks
from orion.store import notifications as db
from orion.store.crash_points import crash_point
from orion.vault import WrongKey, open_vault

log = logging.getLogger("orion.services")

AT_ONCE = 10
MOST = 200
LONGEST = 20.0
LOOK = 0.5
LEASE = timedelta(seconds=60)
LONGEST_TRY = 50.0  # ends before the lease does, also where a message takes many requests
TRIES = 8
FIRST_WAIT, GROWTH, LONGEST_WAIT, JITTER = 5.0, 4.0, 3600.0, 0.2

Now = Callable[[], datetime]

_under_way = threading.Lock()


def deliver(store: Store, now: datetime) -> int:
    """Send what is due; the number of tries. Bounded: some at once, so many in all, for so long.

    One pass a process: a second one, asked for meanwhile, finds its work done.
    """
    if not _under_way.acquire(blocking=False):
        return 0
    try:
        due = store.read_now(db.next_due)
        return asyncio.run(_pass(store, _clock(now))) if due is not None and due <= now else 0
    finally:
        _under_way.release()


def next_due(store: Store) -> datetime | None:
    """When there is something to send."""
    return store.read_now(db.next_due)


async def test(store: Store, settings: Settings, block_document_id: str, now: datetime, key: str) -> str:
    """Send a test message through a block, once, and tell what the receiver said; raises `Failed` or `Unsendable`."""
    text = "This is a test message of orion: notifications through this block arrive."
    message = Message(subject="orion: a test message", body=text, key=key, time=now)
    return await _send(store, settings, block_document_id, message)


def wait_after(attempts: int, asked: float | None = None, chance: float = 0.5) -> float:
    """Seconds until the next try: 5 s, four times as long each time, an hour at most, and some chance in it."""
    usual = min(FIRST_WAIT * GROWTH ** (attempts - 1), LONGEST_WAIT)
    return min(max(usual, asked or 0.0), LONGEST_WAIT) * (1 + JITTER * (2 * chance - 1))


def private_allowed(settings: Settings) -> bool:
    """Whether messages may go to this machine and its network: as set, else while nobody else reaches the server."""
    said: bool | None = settings.notifications_private_targets
    if said is not None:
        return said
    on_platform = settings.sources["ORION_PORT"] == "environment PORT"
    exposed = on_platform or settings.admin_key or settings.public_url or settings.allowed_hosts
    return not exposed and (settings.host in ("localhost", "::1") or settings.host.startswith("127."))


async def _pass(store: Store, now: Now) -> int:
    """Claim and send until nothing is due; a slow receiver holds up its own messages only."""
    started, begun, flying = time.monotonic(), 0, set[asyncio.Task[None]]()
    while True:
        room = min(AT_ONCE - len(flying), MOST - begun)
        if room > 0 and time.monotonic() - started < LONGEST:
            claimed = await store.write(db.claim, now(), now() + LEASE, room, lane=Lane.LOW)
            flying |= {asyncio.create_task(_try(store, each, now)) for each in claimed}
            begun += len(claimed)
        if not flying:
            return begun
        _, flying = await asyncio.wait(flying, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)


async def _try(store: Store, claimed: db.Claimed, now: Now) -> None:
    """One try of one message, and the mark of how it went."""
    if claimed.attempts > TRIES:
        return await store.write(db.give_up, claimed, now(), "the sender was lost in each of its tries")
    try:
        parcel = await store.read(db.parcel, claimed.id)
        if parcel is None:
            return await store.write(db.forget, claimed.id)
        settings = current()
        async with asyncio.timeout(LONGEST_TRY):
            said = await _send(store, settings, parcel.block_document_id, message_of(parcel, settings))
    except (Unsendable, WrongKey) as error:
        await store.write(db.give_up, claimed, now(), error.message[:500])
    except Failed as error:
        await _failed(store, claimed, now(), str(error)[:500], error.after)
    except TimeoutError:
        await _failed(store, claimed, now(), f"no answer within {LONGEST_TRY:g} s", None)
    except Exception as error:
        log.exception("A notification could not be sent.")
        await _failed(store, claimed, now(), f"{type(error).__name__}: {error}"[:500], None)
    else:
        await store.write(db.delivered, claimed.id, now(), said)


async def _failed(store: Store, claimed: db.Claimed, now: datetime, error: str, asked: float | None) -> None:
    if claimed.attempts >= TRIES:
        return await store.write(db.give_up, claimed, now, error)
    seconds = wait_after(claimed.attempts, asked, random.random())
    await store.write(db.retry, claimed, now + timedelta(seconds=seconds), error)


async def _send(store: Store, settings: Settings, block_document_id: str, message: Message) -> str:
    """Through a block, by each of the requests that its channel makes of the message."""
    slug, config = await store.read(_block, block_document_id, settings)
    said = ""
    for request in compose(slug, config, message):
        said = await send(request, private=private_allowed(settings))
        crash_point("outbox-sent")
    return said


def _block(conn: Conn, id: str, settings: Settings) -> tuple[str | None, dict[str, object]]:
    """The type of a block document and its data, secrets in clear."""
    document = block_documents.get(conn, id)
    if document is None:
        raise Unsendable("The block that should be told is gone; choose another one for the policy.")
    opened = shown_blocks.shown(conn, document, partial(open_vault, settings, make=False), secrets=True)
    data = {"name": document.name, **unraw(opened.data)}
    return document.block_type.slug if document.block_type else None, data


def message_of(parcel: db.Parcel, settings: Settings) -> Message:
    """What is said about a state, in the words of its policy."""
    base = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
    facts = {
        "flow_run_notification_policy_id": parcel.policy_id,
        "flow_id": parcel.flow_id,
        "flow_name": parcel.flow_name,
        "flow_run_url": f"{base}/runs/{parcel.run_id}",
        "flow_run_id": parcel.run_id,
        "flow_run_name": parcel.run_name,
        "flow_run_parameters": parcel.parameters,
        "flow_run_state_type": parcel.state_type,
        "flow_run_state_name": parcel.state_name,
        "flow_run_state_timestamp": iso(parcel.state_timestamp),
        "flow_run_state_message": parcel.state_message or "",
    }
    usual = DEFAULT_TEMPLATE if parcel.state_message else WORDLESS_TEMPLATE
    return Message(
        subject=fill(SUBJECT, facts),
        body=fill(parcel.template or usual, facts),
        key=db.key_of(parcel.policy_id, parcel.state_id),
        time=parcel.state_timestamp,
        facts=facts,
    )


def _clock(now: datetime) -> Now:
    """The time as it goes on from `now`."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)
