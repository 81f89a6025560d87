"""Requests to any address."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretDict, SecretStr


class Webhook(Channel):
    """Posts messages to an address, signed with a shared secret if there is one.

    Example:
        from orion.blocks import Webhook

        Webhook.load("pager").notify("The report is late.")
    """

    _block_type_slug = "webhook"

    url: SecretStr = field(description="The address.")
    headers: SecretDict = field(default_factory=SecretDict, description="Header fields to send along.")
    secret: SecretStr | None = field(None, description="The secret that messages are signed with.")
