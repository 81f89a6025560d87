"""One e-mail to one mail server, at an address that has been checked."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.errors import HeaderParseError
from email.message import EmailMessage
from typing import Any

from orion.notify.addresses import most_telling
from orion.notify.message import TIMEOUT, Mail, Unsendable


class _Plain(smtplib.SMTP):
    """Connects to the checked address, whatever the name stands for by now."""

    address: str

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self.address, port), timeout)


class _Secure(smtplib.SMTP_SSL):
    """The same over TLS from the start; the certificate has to be that of the name."""

    address: str

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        bare = socket.create_connection((self.address, port), timeout)
        return self.context.wrap_socket(bare, server_hostname=host)


def deliver(mail: Mail, addresses: Sequence[str]) -> str | None:
    """Hand the mail over at the first address that takes it; answers what went wrong, if something did."""
    message = composed(mail)
    try:
        with _reached(mail, addresses) as server:
            if mail.username and mail.password:
                server.login(mail.username, mail.password)
            refused = server.send_message(message, mail.sender, mail.recipients)
    except smtplib.SMTPResponseException as error:
        return f"the mail server answers {error.smtp_code}"
    except smtplib.SMTPRecipientsRefused as error:
        return f"the mail server refuses {', '.join(error.recipients)}"[:300]
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return f"the mail server refuses {', '.join(refused)}"[:300] if refused else None


def composed(mail: Mail) -> EmailMessage:
    """The mail. Its id is made of the key, so that mail programs can tell a repeat."""
    message = EmailMessage()
    try:
        message["Subject"] = " ".join(mail.subject.split())
        message["From"] = mail.sender
        message["To"] = ", ".join(mail.recipients)
        message["Message-ID"] = f"<{mail.key.replace('/', '.')}@orion>"
        message["Idempotency-Key"] = mail.key
    except (ValueError, HeaderParseError) as error:
        raise Unsendable(f"The mail cannot be written: {error}") from None
    message.set_content(mail.body)
    return message


def _reached(mail: Mail, addresses: Sequence[str]) -> smtplib.SMTP:
    """The first of a server's addresses that is well; what is wrong with the most telling one else."""
    faults: list[OSError] = []
    for address in addresses:
        try:
            return _connected(mail, address)
        except OSError as error:
            faults.append(error)
    raise most_telling(faults)


def _connected(mail: Mail, address: str) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if not mail.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    ssl_first = mail.security == "SSL"
    server = _Secure(timeout=TIMEOUT, context=context) if ssl_first else _Plain(timeout=TIMEOUT)
    server.address = address
    server._host = mail.host  # type: ignore[union-attr]  # the name that the certificate is asked for
    try:
        server.connect(mail.host, mail.port)
        if mail.security == "STARTTLS":
            server.starttls(context=context)
    except OSError:
        server.close()
        raise
    return server
