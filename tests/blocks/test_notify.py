"""`notify()` of every notification block, through a real server: HTTP targets, and a mail server."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from msgspec.structs import replace

from orion.blocks import EmailServer, registry
from orion.notify import CHANNELS, send
from orion.notify.message import Post
from tests.notify.targets import Target, target
from tests.ports import held_port

BLOCKS: dict[str, dict[str, Any]] = {
    "slack-webhook": {"url": "https://hooks.slack.com/services/x"},
    "ms-teams-webhook": {"url": "https://x.webhook.office.com/y"},
    "custom-webhook": {"url": "https://chat.example.com/", "json_data": {"text": "{{body}}"}},
    "webhook": {"url": "https://example.com/hook", "secret": "signed"},
    "discord-webhook": {"webhook_id": "1", "webhook_token": "t"},
    "mattermost-webhook": {"hostname": "chat.example.com", "token": "t"},
    "pager-duty-webhook": {"integration_key": "k"},
    "opsgenie-webhook": {"apikey": "k"},
    "twilio-sms": {
        "account_sid": "A",
        "auth_token": "t",
        "from_phone_number": "+1",
        "to_phone_numbers": ["+2"],
    },
    "sendgrid-email": {"api_key": "k", "sender_email": "o@example.com", "to_emails": ["a@example.com"]},
}

pytestmark = pytest.mark.row("BLK-12")


@pytest.fixture
def nearby(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sends what is meant for any host to a target on this machine, over real HTTP."""
    with target() as hook:
        real = send.send

        async def divert(request: Any, **more: Any) -> str:
            assert isinstance(request, Post)
            where = urlsplit(request.url)._replace(scheme="http", netloc=f"127.0.0.1:{hook.port}")
            return await real(replace(request, url=where.geturl()), **more)

        monkeypatch.setattr(send, "send", divert)
        yield hook


@pytest.mark.parametrize("slug", BLOCKS)
def test_a_message_arrives_from_sync_and_from_async_code(slug: str, nearby: Target) -> None:
    block: Any = registry.built_in(slug)(**BLOCKS[slug])

    async def later() -> None:
        await block.notify("second words", subject="Report")

    block.notify("first words", subject="Report")
    asyncio.run(later())
    first, second = nearby.received
    assert b"first" in first.body and b"words" in first.body and b"second" in second.body
    assert first.path == second.path and first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_a_refusal_is_an_error_that_does_not_tell_the_address(nearby: Target) -> None:
    nearby.answers = [(403, {}, b"no")]
    with pytest.raises(send.Failed, match="403") as error:
        registry.built_in("slack-webhook")(url="https://hooks.slack.com/services/canary").notify("x")  # type: ignore[attr-defined]
    assert "canary" not in str(error.value)


def test_a_private_address_is_called_only_where_the_block_allows_it() -> None:
    with target() as hook:
        kind: Any = registry.built_in("webhook")
        kind(url=hook.url).notify("seen")
        with pytest.raises(Exception, match="may not go to"):
            kind(url=hook.url, allow_private_urls=False).notify("unseen")
        (only,) = hook.received
        assert "seen" in json.dumps(only.body.decode()) and "unseen" not in only.body.decode()


def test_a_mail_arrives() -> None:
    taken: list[Any] = []

    class Inbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            taken.append(envelope)
            return "250 OK"

    with held_port() as port:
        controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
        controller.start()
        try:
            EmailServer(
                smtp_server="127.0.0.1", smtp_port=port, smtp_type="INSECURE", sender_email="o@example.com",
                to_emails=["a@example.com"],
            ).notify("It is ready.", subject="Report")  # fmt: skip
        finally:
            controller.stop()
    assert taken[0].rcpt_tos == ["a@example.com"] and b"It is ready." in taken[0].content


def test_no_channel_is_left_out() -> None:
    assert {*BLOCKS, "email-server", "apprise"} == set(CHANNELS)
