"""E-mail by SendGrid's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Message, Request, json_post, need, need_list

URL = "https://api.sendgrid.com/v3/mail/send"


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One mail to all recipients."""
    mail = {
        "personalizations": [{"to": [{"email": address} for address in need_list(config, "to_emails")]}],
        "from": {"email": need(config, "sender_email")},
        "subject": message.subject,
        "content": [{"type": "text/plain", "value": message.body}],
    }
    return [json_post(message, URL, mail, {"Authorization": f"Bearer {need(config, 'api_key')}"})]
