"""orion's own webhook: the facts as JSON, signed, so that the receiver knows who sent them and when.

`Orion-Signature: t=<seconds since 1970>,v1=<hex>`, where hex is HMAC-SHA256 of `<t>.<body>` under the block's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from orion.notify.custom_webhook import METHODS
from orion.notify.message import Message, Post, Request, Unsendable, json_post, need

SIGNATURE = "Orion-Signature"


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One request; without a secret it is not signed."""
    headers = config.get("headers") or {}
    if not isinstance(headers, dict):
        raise Unsendable("The block's 'headers' is no object.")
    said = {"key": message.key, "subject": message.subject, "body": message.body, **message.facts}
    post = json_post(
        message, need(config, "url"), said, {name: str(value) for name, value in headers.items()}
    )
    method = str(config.get("method") or "POST").upper()
    if method not in METHODS:
        raise Unsendable(f"The block's 'method' is {method!r}; it can be {', '.join(METHODS)}.")
    secret = config.get("secret")
    signed = {SIGNATURE: sign(str(secret), post, int(message.time.timestamp()))} if secret else {}
    return [replace(post, method=method, headers={**post.headers, **signed, "Idempotency-Key": message.key})]


def sign(secret: str, post: Post, seconds: int) -> str:
    """The value of the signature's header."""
    signed = f"{seconds}.".encode() + post.body
    return f"t={seconds},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
