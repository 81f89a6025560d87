"""The outbox: each matching state is sent at least once or visibly given up, always under the same key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from orion.errors import Conflict
from orion.model.blocks import BlockDocumentCreate, BlockSchemaCreate, BlockTypeCreate
from orion.model.ids import new_id
from orion.model.notifications import Delivery, DeliveryQuery, FlowRunNotificationPolicyCreate
from orion.model.times import iso, utcnow
from orion.model.wire import raw
from orion.notify import compose
from orion.notify.message import TIMEOUT
from orion.services import health, notifying, runner, scheduling
from orion.settings import current, load, temporary_settings
from orion.store import (
    Conn,
    Store,
    block_documents,
    block_schemas,
    block_types,
    notification_policies,
    notifications,
    open_store,
    secret_fields,
)
from orion.vault import open_vault
from tasks.clock import Clock
from tests.conftest import fresh_database
from tests.notify.targets import OK, Target, target
from tests.orchestration.world import NOON, World, wish
from tests.servers import eventually
from tests.services.world import HOURLY, add_deployment, change

SECOND = timedelta(seconds=1)
PATIENCE = 300.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a receiver that is well takes long, too; who is to be given up has a time of its own."""

    def patiently(*args: Any) -> list[Any]:
        made = compose(*args)
        return [
            structs.replace(r, timeout=PATIENCE) if getattr(r, "timeout", 0) == TIMEOUT else r for r in made
        ]

    monkeypatch.setattr(notifying, "compose", patiently)
    for limit in ("LONGEST", "LONGEST_TRY"):
        monkeypatch.setattr(notifying, limit, PATIENCE)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def hook() -> Iterator[Target]:
    with target() as opened:
        yield opened


def add_block(store: Store, slug: str, data: dict[str, Any]) -> str:
    """A document of a new type; its id."""

    def make(conn: Conn, now: Any) -> str:
        sealed = secret_fields.seal(data, open_vault(current()))
        kind = block_types.create(conn, BlockTypeCreate(name=f"{slug} {new_id()[-6:]}", slug=slug), now)
        fields = raw({"title": slug, "block_type_slug": slug, "properties": {}})
        wanted = BlockSchemaCreate(fields=fields, block_type_id=kind.id)
        schema, _ = block_schemas.create(conn, wanted, f"sha256:{new_id()}", now)
        body = BlockDocumentCreate(
            name="oncall", data=sealed, block_schema_id=schema.id, block_type_id=kind.id
        )
        return block_documents.create(conn, body, now).id

    return store.write_now(make, NOON)


def add_policy(world: World, url: str, slug: str = "slack-webhook", **fields: Any) -> str:
    """An active policy that tells a block; every state by default."""
    block = add_block(world.store, slug, {"url": url})
    wanted = FlowRunNotificationPolicyCreate(
        **{"state_names": [], "tags": [], "block_document_id": block, **fields}
    )
    return world.store.write_now(notification_policies.create, wanted, world.now).id


def deliveries(world: World) -> list[Delivery]:
    return world.store.read_now(notifications.filter, DeliveryQuery(), 200)


def fail(world: World, **values: Any) -> str:
    """A run that fails; its id."""
    run = world.flow_run("RUNNING", **values)
    world.flow(run.id, wish("FAILED", message="no luck"))
    return run.id


def send(world: World, seconds: float = 0) -> int:
    """What the duty does after some seconds."""
    return notifying.deliver(world.store, world.later(seconds))


def send_when_due(world: World, waiting: Delivery) -> list[int]:
    """What the duty does just before a message is due again, and then: that counts from the end of its try."""
    assert waiting.next_attempt is not None
    seconds = (waiting.next_attempt - world.now).total_seconds()
    assert seconds >= 4
    return [send(world, seconds - 0.5), send(world, 0.5)]


@pytest.mark.row("NOT-01", "NOT-02", "NOT-03")
def test_a_matching_state_is_sent_once_in_the_words_of_its_policy(world: World, hook: Target) -> None:
    template = (
        "{flow_name} went {flow_run_state_name}: {flow_run_state_message} {{{flow_run_state_type}}} "
        "{flow_run_id} {flow_run_state_timestamp} {flow_run_notification_policy_id}"
    )
    add_policy(world, hook.url, state_names=["Failed"], message_template=template)
    fail(world)
    assert (send(world), send(world)) == (1, 0)
    (sent,) = deliveries(world)
    where = f"{sent.flow_run_id} {iso(sent.state_timestamp)} {sent.policy_id}"
    assert [json.loads(each.body) for each in hook.received] == [
        {"text": f"etl went Failed: no luck {{FAILED}} {where}"}
    ]
    assert (sent.status, sent.answer, sent.attempts) == ("delivered", "200 OK", 1)
    assert hook.keys == [sent.key] == [f"{sent.policy_id}/{sent.flow_run_state_id}"]


def test_without_a_template_the_message_names_run_state_time_message_and_page(
    world: World, hook: Target
) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    run = world.get(fail(world))
    with temporary_settings(
        {"ORION_PUBLIC_URL": "https://orion.example.com", "ORION_NOTIFICATIONS_PRIVATE_TARGETS": "true"}
    ):
        send(world)
    text = json.loads(hook.received[0].body)["text"]
    page = f"https://orion.example.com/runs/{run.id}"
    for said in (f"etl/{run.name}", "Failed", "2026-11-23T12:00:00.000000Z", "no luck", page):
        assert said in text


def test_a_state_without_a_message_has_no_empty_line_for_it(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Running"])
    world.flow_run("RUNNING")
    send(world)
    assert "Message:" not in json.loads(hook.received[0].body)["text"]


@pytest.mark.row("NOT-01")
def test_a_run_that_is_planned_is_told_to_policies_that_name_its_state(world: World, hook: Target) -> None:
    deployment = add_deployment(world.store, HOURLY, tags='["prod"]')
    add_policy(world, hook.url, "of-all-states")
    named = (
        {"tags": ["auto-scheduled"]},
        {"tags": ["x"]},
        {"deployment_ids": [deployment]},
        {"flow_ids": [new_id()]},
    )
    states = ["Late", "Scheduled"]
    ids = [
        add_policy(world, hook.url, f"slack-webhook-{n}", state_names=states, **each)
        for n, each in enumerate(named)
    ]
    scheduling.plan(world.store, world.now)
    assert {(each.policy_id, each.state_name) for each in deliveries(world)} == {
        (ids[0], "Scheduled"), (ids[2], "Scheduled"),
    }  # fmt: skip
    assert len(deliveries(world)) == 2 * 3


def test_a_message_about_a_planned_run_that_was_dropped_is_forgotten(world: World, hook: Target) -> None:
    deployment = add_deployment(world.store, HOURLY)
    add_policy(world, hook.url, state_names=["Scheduled"])
    scheduling.plan(world.store, world.now)
    change(world.store, "UPDATE deployment SET paused = TRUE WHERE id = :id", id=deployment)
    world.store.write_now(scheduling.replan, deployment, world.now)
    send(world)
    assert hook.received == [] and world.rows("SELECT count(*) FROM notification_outbox") == [(0,)]


@pytest.mark.row("NOT-01")
def test_policies_choose_by_state_tag_flow_deployment_and_switch(world: World, hook: Target) -> None:
    other = new_id()
    chosen = [
        {"state_names": ["Failed", "Late"]},
        {"tags": ["prod", "nightly"], "state_names": ["Failed"]},
        {"flow_ids": [world.flow_id], "state_names": ["Failed"]},
        {"deployment_ids": [other, world.deployment_id], "state_names": ["Failed"]},
    ]
    left_out = [
        {"state_names": ["Crashed"]},
        {"tags": ["nightly"], "state_names": ["Failed"]},
        {"flow_ids": [other], "state_names": ["Failed"]},
        {"deployment_ids": [other], "state_names": ["Failed"]},
        {"is_active": False, "state_names": ["Failed"]},
    ]
    ids = {add_policy(world, hook.url, f"slack-webhook-{n}", **fields) for n, fields in enumerate(chosen)}
    for number, fields in enumerate(left_out):
        add_policy(world, hook.url, f"other-{number}", **fields)
    fail(world, tags=["prod", "eu"], deployment_id=world.deployment_id)
    assert {each.policy_id for each in deliveries(world)} == ids


@pytest.mark.row("NOT-01")
def test_a_policy_without_states_tells_every_state(world: World, hook: Target) -> None:
    add_policy(world, hook.url, message_template="{flow_run_state_name}")
    fail(world)
    send(world)
    assert sorted(json.loads(each.body)["text"] for each in hook.received) == ["Failed", "Running"]


def test_a_state_that_was_not_committed_is_never_told(world: World, hook: Target) -> None:
    add_policy(world, hook.url)

    def undone(conn: Conn) -> None:
        from orion.orchestration import propose_flow_run

        propose_flow_run(conn, run.id, wish("RUNNING"), world.now)
        raise RuntimeError("undone")

    run = world.flow_run("PENDING")
    before = len(deliveries(world))
    with pytest.raises(RuntimeError):
        world.store.write_now(undone)
    assert len(deliveries(world)) == before


@pytest.mark.row("NOT-04")
def test_one_that_fails_is_tried_again_while_the_others_go_out(world: World, hook: Target) -> None:
    with target((500, {}, b"boom"), (302, {"Location": hook.url}, b""), OK) as broken:
        add_policy(world, broken.url, state_names=["Failed"])
        add_policy(world, hook.url, "ms-teams-webhook", state_names=["Failed"])
        fail(world)
        assert send(world) == 2
        assert len(hook.received) == 1
        waiting = next(each for each in deliveries(world) if each.status == "waiting")
        assert waiting.last_error == "500 Internal Server Error"
        assert send_when_due(world, waiting) == [0, 1]
        waiting = next(each for each in deliveries(world) if each.status == "waiting")
        assert waiting.last_error == "302 Found: redirects are not followed"
        assert send_when_due(world, waiting) == [0, 1]
        assert {each.status for each in deliveries(world)} == {"delivered"}
        assert len(set(broken.keys)) == 1 and len(broken.keys) == 3
        assert len(hook.received) == 1


@pytest.mark.row("NOT-04")
def test_after_eight_tries_a_message_is_dead_until_somebody_sends_it_again(world: World) -> None:
    with target((404, {}, b"")) as gone:
        add_policy(world, gone.url, state_names=["Failed"])
        fail(world)
        tries = [send(world, 4400) for _ in range(10)]
        assert tries == [1] * 8 + [0, 0]
        (dead,) = deliveries(world)
        assert (dead.status, dead.last_error, dead.attempts) == ("dead", "404 Not Found", 8)
        gone.answers = [OK]
        world.store.write_now(notifications.send_again, dead.id, world.now)
        assert send(world) == 1
        (sent,) = deliveries(world)
        assert sent.status == "delivered" and len(set(gone.keys)) == 1
        with pytest.raises(Conflict):
            world.store.write_now(notifications.send_again, dead.id, world.now)


def test_waits_grow_from_five_seconds_to_an_hour_with_some_chance_in_them() -> None:
    assert [notifying.wait_after(n) for n in range(1, 8)] == [5, 20, 80, 320, 1280, 3600, 3600]
    assert (notifying.wait_after(1, chance=0.0), notifying.wait_after(1, chance=1.0)) == (4, 6)
    assert notifying.wait_after(1, asked=90) == 90
    assert notifying.wait_after(1, asked=10**9) == 3600


@pytest.mark.row("SCH-13")
def test_a_clock_can_be_told_to_send_nothing(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    fail(world)
    with temporary_settings({"ORION_NOTIFICATIONS_ENABLED": "false"}):
        assert "notifications" not in runner.run_all(world.store, lambda: world.now)
    assert hook.received == []
    assert runner.run_all(world.store, lambda: world.now)["notifications"] == 1


def test_a_receiver_that_asks_for_patience_gets_it(world: World) -> None:
    with target((429, {"Retry-After": "600"}, b"")) as busy:
        add_policy(world, busy.url, state_names=["Failed"])
        fail(world)
        send(world)
        (waiting,) = deliveries(world)
        assert waiting.next_attempt is not None
        assert waiting.next_attempt - world.now > 450 * SECOND


@pytest.mark.row("NOT-04")
def test_one_that_hangs_holds_up_nobody(world: World, hook: Target) -> None:
    with target() as slow:
        slow.answers = [slow.hang]
        block = add_block(world.store, "custom-webhook", {"url": slow.url})
        for _ in range(3):
            wanted = FlowRunNotificationPolicyCreate(state_names=["Failed"], tags=[], block_document_id=block)
            world.store.write_now(notification_policies.create, wanted, world.now)
        add_policy(world, hook.url, state_names=["Failed"])
        fail(world)
        sending = threading.Thread(target=notifying.deliver, args=(world.store, world.now))
        sending.start()
        hook.wait(1, PATIENCE)
        eventually(lambda: [each.status for each in deliveries(world)].count("delivered") == 1)
        assert sending.is_alive()
    sending.join(PATIENCE)


@pytest.mark.row("NOT-04")
def test_one_that_hangs_is_given_up_after_its_time(world: World) -> None:
    with target() as slow:
        slow.answers = [slow.hang]
        block = add_block(world.store, "custom-webhook", {"url": slow.url, "timeout": 0.2})
        wanted = FlowRunNotificationPolicyCreate(state_names=["Failed"], tags=[], block_document_id=block)
        world.store.write_now(notification_policies.create, wanted, world.now)
        fail(world)
        assert send(world) == 1
        (failed,) = deliveries(world)
        assert (failed.status, failed.last_error) == ("waiting", "no answer within 0.2 s")


@pytest.mark.row("NOT-05")
def test_what_no_key_opens_is_dead_at_once_and_says_why(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    fail(world)
    with temporary_settings({"ORION_ENCRYPTION_KEY": "another key, of somebody else's server"}):
        assert send(world) == 1
    (dead,) = deliveries(world)
    assert (dead.status, dead.attempts, hook.received) == ("dead", 1, [])
    assert "key" in (dead.last_error or "")


@pytest.mark.row("NOT-05")
def test_what_can_never_be_sent_is_dead_at_once_and_says_why(world: World) -> None:
    add_policy(world, "https://example.com", "carrier-pigeon", state_names=["Failed"])
    add_policy(world, "file:///etc/passwd", "slack-webhook", state_names=["Failed"])
    lost = add_policy(world, "https://example.com", "ms-teams-webhook", state_names=["Failed"])
    world.store.write_now(
        lambda conn: conn.run(
            "DELETE FROM block_document WHERE id = (SELECT block_document_id "
            "FROM flow_run_notification_policy WHERE id = :id)",
            {"id": lost},
        )
    )
    fail(world)
    assert send(world) == 3
    errors = sorted(str(each.last_error) for each in deliveries(world) if each.status == "dead")
    assert [error.partition(" ")[0] for error in errors] == ["Blocks", "The", "The"]
    assert any("carrier-pigeon" in error for error in errors)
    assert send(world, 9000) == 0


def test_a_server_that_others_reach_sends_nothing_into_its_own_network(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    fail(world)
    with temporary_settings({"ORION_ADMIN_KEY": "key"}):
        send(world)
    (dead,) = deliveries(world)
    assert (dead.status, hook.received) == ("dead", [])
    assert "this machine itself" in str(dead.last_error)


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({}, True),
        ({"ORION_HOST": "0.0.0.0"}, False),
        ({"ORION_ADMIN_KEY": "x"}, False),
        ({"PORT": "80"}, False),
        ({"ORION_PUBLIC_URL": "https://orion.example.com"}, False),
        ({"ORION_NOTIFICATIONS_PRIVATE_TARGETS": "off"}, False),
        ({"ORION_HOST": "0.0.0.0", "ORION_NOTIFICATIONS_PRIVATE_TARGETS": "on"}, True),
    ],
)
def test_private_targets_are_for_servers_that_nobody_else_reaches(
    environment: dict[str, str], allowed: bool
) -> None:
    assert notifying.private_allowed(load(environment)) is allowed


def test_a_sender_that_dies_before_the_mark_sends_again_under_the_same_key(
    world: World, hook: Target
) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    fail(world)
    mark = notifications.delivered
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notifications, "delivered", lambda *args: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            send(world)
    assert notifications.delivered is mark
    assert send(world, 30) == 0
    assert send(world, 31) == 1
    assert len(hook.keys) == 2 and len(set(hook.keys)) == 1
    assert deliveries(world)[0].status == "delivered"


@pytest.mark.row("NOT-04")
def test_a_message_whose_senders_are_lost_again_and_again_is_given_up(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    fail(world)
    for _ in range(8):
        world.store.write_now(notifications.claim, world.now, world.later(60), 10)
    send(world, 61)
    assert (deliveries(world)[0].status, hook.received) == ("dead", [])


def test_two_clocks_share_the_messages_and_send_each_once(world: World, hook: Target) -> None:
    add_policy(world, hook.url, state_names=["Failed"])
    for _ in range(30):
        fail(world)
    gate = threading.Barrier(2)

    def clock() -> None:
        import asyncio

        gate.wait()
        asyncio.run(notifying._pass(world.store, lambda: world.now))

    clocks = [threading.Thread(target=clock) for _ in range(2)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join(PATIENCE)
    world.now += timedelta(hours=1)  # what both passed over, since the other had it in hand
    send(world)
    assert len(hook.keys) == len(set(hook.keys)) == 30


@pytest.mark.row("NOT-02")
def test_a_pass_is_bounded(world: World, hook: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "MOST", 12)
    add_policy(world, hook.url, state_names=["Failed"])
    for _ in range(15):
        fail(world)
    assert (send(world), send(world)) == (12, 3)


@pytest.mark.postgres
def test_a_sender_takes_no_more_than_it_wants_however_postgresql_plans_it(tmp_path: Path) -> None:
    """As a nested loop, a subquery that skips locked rows would run again for each row."""
    with (
        contextmanager(fresh_database)("postgres", tmp_path) as url,
        closing(open_store(url)) as store,
    ):
        world = World(store)
        add_policy(world, "http://127.0.0.1:9", state_names=["Failed"])
        for _ in range(6):
            fail(world)

        def claimed(conn: Conn) -> int:
            for plan in ("hashagg", "hashjoin", "mergejoin", "sort", "material", "indexscan", "bitmapscan"):
                conn.run(f"SET LOCAL enable_{plan} = off")
            return len(notifications.claim(conn, world.now, world.later(60), 2))

        assert store.write_now(claimed) == 2


def test_a_deleted_run_or_policy_takes_its_messages_along(world: World, hook: Target) -> None:
    policy = add_policy(world, hook.url, state_names=["Failed"])
    run = fail(world)
    fail(world)
    from orion.store import flow_runs

    world.store.write_now(flow_runs.delete, run)
    assert len(deliveries(world)) == 1
    world.store.write_now(notification_policies.delete, policy)
    assert deliveries(world) == [] and send(world) == 0


def test_how_messages_fared_is_told_by_policy_and_in_all(world: World, hook: Target) -> None:
    good = add_policy(world, hook.url, state_names=["Failed"])
    bad = add_policy(world, "ftp://x", "ms-teams-webhook", state_names=["Failed"])
    fail(world)
    send(world)
    fared = world.store.read_now(notifications.fared, world.now - 60 * SECOND)
    assert (fared[good].sent, fared[good].dead, fared[bad].sent, fared[bad].dead) == (1, 0, 0, 1)
    assert fared[good].last is not None
    fail(world)
    assert world.store.read_now(notifications.totals, world.now - 60 * SECOND) == (1, 1, 2)


@pytest.mark.row("NOT-02")
def test_the_clock_sends_at_once_what_its_process_has_put_into_the_outbox(
    world: World, hook: Target, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEWS_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(f"tasks.clock.{name}", 60)
    world.now = utcnow()
    add_policy(world, hook.url, state_names=["Failed"])
    clock = Clock(world.store, load({"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": database_url}))
    clock.start()
    try:
        eventually(
            lambda: any(duty.name == "notifications" and duty.last_finished for duty in _health(world))
        )
        fail(world)
        hook.wait(1)
        eventually(lambda: deliveries(world)[0].status == "delivered")
    finally:
        clock.stop()


def _health(world: World) -> list[health.DutyHealth]:
    return health.report(world.store, world.now)
