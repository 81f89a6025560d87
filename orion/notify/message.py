"""What channels get and give: a message with its key in, requests out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from orion.errors import Conflict

TIMEOUT = 10.0


class Unsendable(Conflict):
    """The message can never be sent as things are: the block lacks something, or its target is not allowed."""


class Message(Struct, kw_only=True, frozen=True):
    """What is said. `key` is the same for every try; `facts` are the variables of templates, by name."""

    subject: str
    body: str
    key: str
    time: datetime
    facts: dict[str, str] = {}


class Post(Struct, kw_only=True, frozen=True):
    """An HTTP request. `timeout` in seconds, for all of it."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    body: bytes = b""
    timeout: float = TIMEOUT


class Mail(Struct, kw_only=True, frozen=True):
    """An e-mail and the server that takes it. `security` is SSL, STARTTLS or INSECURE."""

    host: str
    port: int
    security: str
    verify: bool
    username: str | None
    password: str | None
    sender: str
    recipients: list[str]
    subject: str
    body: str
    key: str


class ByApprise(Struct, kw_only=True, frozen=True):
    """A message that the library Apprise sends to an address of its own kind."""

    url: str
    subject: str
    body: str
    kind: str = "info"


Request = Post | Mail | ByApprise


def json_post(message: Message, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Post:
    """A request with a JSON body, under the message's key."""
    return Post(
        url=url,
        headers={**keyed(message), "Content-Type": "application/json", **(headers or {})},
        body=msgspec.json.encode(body),
    )


def keyed(message: Message) -> dict[str, str]:
    """The headers of every request: receivers can tell a repeat by the key."""
    return {"Idempotency-Key": message.key, "User-Agent": "orion"}


def need(config: Mapping[str, Any], name: str) -> str:
    """A field that the channel cannot do without, as text."""
    value = config.get(name)
    if value is None or value == "" or isinstance(value, dict | list):
        raise Unsendable(f"The block has no {name!r}.")
    return str(value)


def need_list(config: Mapping[str, Any], name: str) -> list[str]:
    """A field that names at least one; a text is a comma list."""
    found = texts(config.get(name))
    if not found:
        raise Unsendable(f"The block has no {name!r}.")
    return found


def texts(value: Any) -> list[str]:
    """A list of texts, a comma list, or nothing."""
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(item).strip() for item in items if str(item).strip()]


def titled(message: Message, form: str) -> str:
    """The text below its subject, which is put into `form`; the text alone where there is no subject."""
    return f"{form.format(message.subject)}\n{message.body}" if message.subject else message.body


def without_nothing(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that hold something."""
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}


def cut(text: str, most: int) -> str:
    """At most so many characters: the receiver would refuse more."""
    return text if len(text) <= most else text[: most - 1] + "…"
