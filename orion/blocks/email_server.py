"""Messages by mail."""

from __future__ import annotations

from typing import Literal

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class EmailServer(Channel):
    """Sends mail through an SMTP server.

    Example:
        from orion.blocks import EmailServer

        EmailServer.load("office").notify("The report is ready.", subject="Report")
    """

    _block_type_name = "Email Server"
    _block_type_slug = "email-server"

    smtp_server: str = field("localhost", description="The server's name or address.")
    smtp_port: int | None = field(None, description="The port; 465, 587 or 25 by the type if it is left out.")
    smtp_type: Literal["SSL", "STARTTLS", "INSECURE"] = field(
        "SSL", description="How the connection is made safe."
    )
    username: str | None = field(None, description="The account; none where the server wants no login.")
    password: SecretStr | None = field(None, description="The password of the account.")
    verify: bool = field(True, description="Whether the server's certificate is checked.")
    sender_email: str | None = field(None, description="From whom; the account if it is left out.")
    to_emails: list[str] = field(default_factory=list, description="To whom.")
