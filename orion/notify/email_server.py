"""E-mail by a mail server: SMTP, over TLS from the start, after STARTTLS, or in clear where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orion.notify.message import Mail, Message, Request, Unsendable, need, need_list

PORTS = {"SSL": 465, "STARTTLS": 587, "INSECURE": 25}


def compose(config: Mapping[str, Any], message: Message) -> list[Request]:
    """One mail to all recipients."""
    security = str(config.get("smtp_type") or "SSL").upper()
    if security not in PORTS:
        raise Unsendable(f"The block's 'smtp_type' is {security!r}; it can be {', '.join(PORTS)}.")
    sender = config.get("sender_email") or config.get("username")
    mail = Mail(
        host=need(config, "smtp_server"),
        port=_port(config.get("smtp_port"), security),
        security=security,
        verify=config.get("verify") is not False,
        username=config.get("username") or None,
        password=config.get("password") or None,
        sender=need({"sender_email": sender}, "sender_email"),
        recipients=need_list(config, "to_emails"),
        subject=message.subject,
        body=message.body,
        key=message.key,
    )
    return [mail]


def _port(port: Any, security: str) -> int:
    try:
        number = int(port or PORTS[security])
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65536:
        raise Unsendable(f"The block's 'smtp_port' is {port!r}, which is no port.")
    return number
