"""Apprise: a library that knows many services; where private targets are not allowed, only those of vendors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from orion.notify.message import ByApprise, Message, Request, Unsendable, need_list

SCHEMES = frozenset((
    "slack", "discord", "tgram", "msteams", "pover", "pbul", "pagerduty", "opsgenie", "twilio", "sendgrid", "mailgun",
    "gchat", "wxteams", "sinch", "vonage", "clickatell", "messagebird", "plivo", "signl4", "join", "prowl", "line",
    "brevo", "resend", "smtp2go", "sparkpost",
))  # fmt: skip
"""Kinds of addresses whose host is the vendor's, so that none leads into the server's own network."""
ON_THIS_MACHINE = frozenset(
    ("dbus", "exec", "file", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")
)
"""Kinds that do something to the server's own machine, and never tell anybody else."""

_ODD = re.compile(r"[\s\x00-\x1f]")
_FILE = re.compile(r"[?&](template|attach)=", re.I)  # these name files of the server, or addresses to load


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One request for each address."""
    urls = need_list(config, "urls" if config.get("urls") else "url")
    for url in urls:
        scheme = url.partition("://")[0].lower()
        if scheme in ON_THIS_MACHINE:
            raise Unsendable(f"Apprise addresses of the kind {scheme + '://'!r} are not allowed.")
        if _ODD.search(url) or _FILE.search(unquote(url)):
            raise Unsendable("The Apprise address holds a blank, or names a file.")
    kind = str(config.get("notify_type") or "info")
    return [ByApprise(url=url, subject=message.subject, body=message.body, kind=kind) for url in urls]


def check(url: str, *, private: bool) -> None:
    """Raise `Unsendable` for an address that may lead into a private network, where that is not allowed."""
    scheme = url.partition("://")[0].lower()
    if not private and scheme not in SCHEMES:
        raise Unsendable(
            f"Apprise addresses of the kind {scheme + '://'!r} may lead to a private network; "
            "ORION_NOTIFICATIONS_PRIVATE_TARGETS=true allows them."
        )


@cache
def library() -> Any:
    """Apprise with its plugins, which it loads when it is first asked for a service: that may take seconds."""
    try:
        import apprise
    except ImportError:
        raise Unsendable(
            "Apprise is not installed with this server: pip install 'orion-server[apprise]'."
        ) from None
    apprise.Apprise.instantiate("json://localhost")
    return apprise
