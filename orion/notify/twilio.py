"""Text messages by Twilio."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from orion.notify.message import Message, Post, Request, cut, keyed, need, need_list

LONGEST = 1600


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One request for each number."""
    account = need(config, "account_sid")
    login = base64.b64encode(f"{account}:{need(config, 'auth_token')}".encode()).decode()
    url = f"https://api.twilio.com/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    headers = {
        **keyed(message),
        "Authorization": f"Basic {login}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    said = {"From": need(config, "from_phone_number"), "Body": cut(message.body, LONGEST)}
    numbers = need_list(config, "to_phone_numbers")
    return [Post(url=url, headers=headers, body=urlencode({**said, "To": to}).encode()) for to in numbers]
