"""Mail by SendGrid."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class SendgridEmail(Channel):
    """Sends mail by SendGrid's API.

    Example:
        from orion.blocks import SendgridEmail

        SendgridEmail.load("office").notify("The report is ready.", subject="Report")
    """

    _block_type_name = "Sendgrid Email"
    _block_type_slug = "sendgrid-email"

    api_key: SecretStr = field(description="The key of the API.")
    sender_email: str = field(description="From whom.")
    to_emails: list[str] = field(description="To whom.")
