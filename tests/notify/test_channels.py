"""Each channel by what it makes of one block and one message."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from orion.notify import CHANNELS, Message, by_apprise, compose
from orion.notify.message import ByApprise, Mail, Post, Unsendable
from orion.notify.send import Failed, send
from tests.notify.targets import target

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MESSAGE = Message(
    subject="etl / amber-lynx: Failed",
    body="It failed.\nno luck",
    key="policy/state",
    time=NOON,
    facts={"flow_name": "etl", "flow_run_url": "https://orion.example.com/runs/1"},
)


def posts(slug: str, **config: Any) -> list[Post]:
    found = compose(slug, config, MESSAGE)
    assert all(isinstance(each, Post) for each in found)
    assert all(each.headers["Idempotency-Key"] == "policy/state" for each in found if isinstance(each, Post))
    return [each for each in found if isinstance(each, Post)]


def said(slug: str, **config: Any) -> Any:
    (post,) = posts(slug, **config)
    assert post.headers["Content-Type"] == "application/json"
    return json.loads(post.body)


pytestmark = pytest.mark.row("NOT-05")


def test_slack_gets_the_text() -> None:
    (post,) = posts("slack-webhook", url="https://hooks.slack.com/services/T/B/x")
    assert (post.method, post.url) == ("POST", "https://hooks.slack.com/services/T/B/x")
    assert json.loads(post.body) == {"text": "It failed.\nno luck"}


def test_teams_gets_a_card() -> None:
    card = said("ms-teams-webhook", url="https://x.webhook.office.com/y", wrap=False)["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [(part["text"], part["wrap"]) for part in card["content"]["body"]] == [
        ("etl / amber-lynx: Failed", False),
        ("It failed.\nno luck", False),
    ]


def test_discord_gets_a_message_that_mentions_nobody() -> None:
    (post,) = posts("discord-webhook", webhook_id="1", webhook_token="a/b", botname="orion", tts=False)
    assert post.url == "https://discord.com/api/webhooks/1/a%2Fb"
    body = json.loads(post.body)
    assert body == {
        "content": "**etl / amber-lynx: Failed**\nIt failed.\nno luck",
        "username": "orion",
        "allowed_mentions": {"parse": []},
    }
    long = compose(
        "discord-webhook",
        {"webhook_id": "1", "webhook_token": "b"},
        Message(subject="", body="x" * 9000, key="k", time=NOON),
    )
    assert isinstance(long[0], Post) and len(json.loads(long[0].body)["content"]) == 2000


def test_mattermost_gets_one_post_a_channel() -> None:
    found = posts(
        "mattermost-webhook", hostname="chat.example.com", token="t", channels=["#ops", "data"], path="/mm/"
    )
    assert {post.url for post in found} == {"http://chat.example.com:8065/mm/hooks/t"}
    assert [json.loads(post.body)["channel"] for post in found] == ["ops", "data"]
    (post,) = posts("mattermost-webhook", hostname="chat.example.com", token="t", secure=True, port=443)
    assert (post.url, "channel" in json.loads(post.body)) == ("https://chat.example.com:443/hooks/t", False)


def test_pager_duty_gets_an_event_that_repeats_join() -> None:
    (post,) = posts(
        "pager-duty-webhook", integration_key="k", api_key="a", region_name="eu", notify_type="failure",
        source="orion", component="etl", class_id="flow", custom_details={"team": "data"},
    )  # fmt: skip
    event = json.loads(post.body)
    assert post.url == "https://events.eu.pagerduty.com/v2/enqueue"
    assert post.headers["Authorization"] == "Token token=a"
    assert (event["routing_key"], event["dedup_key"], event["event_action"]) == (
        "k",
        "policy/state",
        "trigger",
    )
    assert (event["payload"]["severity"], event["payload"]["class"]) == ("critical", "flow")
    assert event["payload"]["custom_details"] == {"team": "data", "message": "It failed.\nno luck"}


def test_opsgenie_gets_an_alert_for_its_responders() -> None:
    (post,) = posts(
        "opsgenie-webhook", apikey="k", target_team=["data"], target_user=["dana"], priority=1, tags=["prod"]
    )
    alert = json.loads(post.body)
    assert (post.url, post.headers["Authorization"]) == ("https://api.opsgenie.com/v2/alerts", "GenieKey k")
    assert (alert["message"], alert["alias"], alert["priority"]) == (MESSAGE.subject, "policy/state", "P1")
    assert alert["responders"] == [{"type": "user", "username": "dana"}, {"type": "team", "name": "data"}]


def test_twilio_gets_one_request_a_number() -> None:
    found = posts(
        "twilio-sms", account_sid="AC1", auth_token="t", from_phone_number="+1", to_phone_numbers=["+2", "+3"]
    )
    assert found[0].url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert found[0].headers["Authorization"] == "Basic QUMxOnQ="
    assert [parse_qs(post.body.decode()) for post in found] == [
        {"From": ["+1"], "To": [to], "Body": ["It failed.\nno luck"]} for to in ("+2", "+3")
    ]


def test_sendgrid_gets_a_mail() -> None:
    mail = said(
        "sendgrid-email",
        api_key="k",
        sender_email="o@example.com",
        to_emails=["a@example.com", "b@example.com"],
    )
    assert mail["personalizations"] == [{"to": [{"email": "a@example.com"}, {"email": "b@example.com"}]}]
    assert (mail["from"], mail["subject"]) == ({"email": "o@example.com"}, "etl / amber-lynx: Failed")


def test_a_mail_server_gets_a_mail() -> None:
    (mail,) = compose(
        "email-server",
        {"smtp_server": "m.example.com", "username": "o@example.com", "to_emails": "a@x, b@y"},
        MESSAGE,
    )
    assert isinstance(mail, Mail)
    assert (mail.port, mail.security, mail.verify, mail.sender) == (465, "SSL", True, "o@example.com")
    assert mail.recipients == ["a@x", "b@y"]


def test_a_custom_webhook_says_what_its_block_says() -> None:
    config = {
        "name": "pager",
        "url": "https://{{host}}/hook",
        "method": "put",
        "params": {"q": "{{ subject }}"},
        "headers": {"X-Token": "{{token}}", "Idempotency-Key": "mine"},
        "cookies": {"c": "{{token}}"},
        "json_data": {
            "text": "{{body}} by {{name}}",
            "list": ["{{token}}", 7, None],
            "{{name}}": "{{unknown}}",
        },
        "secrets": {"token": "s3cret", "host": "example.com"},
        "timeout": 3,
    }
    (post,) = posts("custom-webhook", **config)
    assert (post.method, post.url) == ("PUT", "https://example.com/hook?q=etl+%2F+amber-lynx%3A+Failed")
    assert (post.headers["X-Token"], post.headers["Cookie"], post.timeout) == ("s3cret", "c=s3cret", 3.0)
    assert json.loads(post.body) == {
        "text": "It failed.\nno luck by pager",
        "list": ["s3cret", 7, None],
        "pager": "{{unknown}}",
    }
    (form,) = posts(
        "custom-webhook", url="https://example.com", form_data={"text": "{{subject}}"}, timeout=600
    )
    assert parse_qs(form.body.decode()) == {"text": ["etl / amber-lynx: Failed"]} and form.timeout == 10
    with pytest.raises(Unsendable, match="both"):
        compose("custom-webhook", {"url": "https://x", "json_data": {}, "form_data": {}}, MESSAGE)


def test_a_custom_webhook_puts_no_text_of_a_run_through_the_templates_twice() -> None:
    sly = Message(subject="{{token}}", body="{{token}}", key="k", time=NOON)
    found = compose(
        "custom-webhook",
        {"url": "https://x", "json_data": {"t": "{{body}}"}, "secrets": {"token": "s3cret"}},
        sly,
    )
    assert isinstance(found[0], Post) and b"s3cret" not in found[0].body


def test_the_webhook_of_orion_is_signed() -> None:
    (post,) = posts("webhook", url="https://example.com/hook", secret="s3cret", headers={"X-Team": "data"})
    signature = dict(part.split("=") for part in post.headers["Orion-Signature"].split(","))
    expected = hmac.new(b"s3cret", signature["t"].encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert (signature["v1"], signature["t"]) == (expected, str(int(NOON.timestamp())))
    body = json.loads(post.body)
    assert (body["key"], body["subject"], body["flow_name"]) == ("policy/state", MESSAGE.subject, "etl")
    assert post.headers["X-Team"] == "data"
    (unsigned,) = posts("webhook", url="https://example.com/hook")
    assert "Orion-Signature" not in unsigned.headers


def test_apprise_sends_only_by_kinds_that_lead_outside() -> None:
    (request,) = compose("apprise", {"urls": ["tgram://token/chat"]}, MESSAGE)
    assert isinstance(request, ByApprise)
    for url in ("json://127.0.0.1/", "mailto://u:p@10.0.0.1", "form://x"):
        (inside,) = compose("apprise", {"urls": [url]}, MESSAGE)
        with pytest.raises(Unsendable, match="PRIVATE_TARGETS"):
            asyncio.run(send(inside, private=False))
    for url in (
        "file:///etc/passwd", "syslog://", "dbus://", "exec://x", "windows://",
        "slack://a/b/c json://10.0.0.1", "msteams://x/y/z?template=/etc/passwd", "slack://a/b/c?%61ttach=http://10.0.0.1",
    ):  # fmt: skip
        with pytest.raises(Unsendable):
            compose("apprise", {"urls": [url]}, MESSAGE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.row("NOT-05")
def test_apprise_really_sends() -> None:
    pytest.importorskip("apprise", reason="the extra apprise is not installed")
    with target() as hook:
        url = f"json://{hook.url.removeprefix('http://')}"
        (request,) = compose("apprise", {"url": url}, MESSAGE)
        assert asyncio.run(send(request, private=True)) == "delivered by Apprise"
        (received,) = hook.received
        body = json.loads(received.body)
        assert (body["title"], body["message"]) == (MESSAGE.subject, MESSAGE.body)
        hook.answers = [(500, b"")]
        with pytest.raises(Failed, match="Apprise could not deliver"):
            asyncio.run(send(request, private=True))
    with pytest.raises(Unsendable, match="does not understand"):
        asyncio.run(send(ByApprise(url="tgram://", subject="s", body="b"), private=False))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_apprise_is_loaded_beside_the_loop_and_the_time_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="the extra apprise is not installed")
    on_the_loop, load = [], by_apprise.library

    def watched() -> Any:
        on_the_loop.append(threading.current_thread() is threading.main_thread())
        return load()

    monkeypatch.setattr(by_apprise, "library", watched)
    monkeypatch.setattr("orion.notify.send.TIMEOUT", 0)
    with pytest.raises(Failed, match="no answer within 0 s"):
        asyncio.run(send(ByApprise(url="json://127.0.0.1:9", subject="s", body="b"), private=True))
    assert on_the_loop == [False, True]  # loaded first, though there was no time to send at all


@pytest.mark.parametrize("slug", sorted(CHANNELS))
def test_a_block_that_lacks_something_says_what(slug: str) -> None:
    with pytest.raises(Unsendable, match="The block has no '"):
        compose(slug, {}, MESSAGE)


def test_an_unknown_type_cannot_send() -> None:
    with pytest.raises(Unsendable, match="carrier-pigeon"):
        compose("carrier-pigeon", {}, MESSAGE)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_arrives_as_it_was_composed(method: str) -> None:
    with target() as hook:
        (post,) = posts("custom-webhook", url=hook.url, method=method, json_data={"a": 1}, cookies={"c": "1"})
        asyncio.run(send(post, private=True))
        (request,) = hook.received
        assert (request.method, request.body, request.headers["cookie"]) == (method, b'{"a":1}', "c=1")
        assert request.headers["idempotency-key"] == "policy/state"


def test_every_channel_has_a_block_that_the_catalogue_offers() -> None:
    from orion.blocks.registry import BUILT_IN

    assert CHANNELS.keys() <= BUILT_IN.keys()
