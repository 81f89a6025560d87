"""Messages to Mattermost."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class MattermostWebhook(Channel):
    """Sends messages to channels of a Mattermost server by an incoming webhook.

    Example:
        from orion.blocks import MattermostWebhook

        MattermostWebhook.load("team").notify("The report is ready.")
    """

    _block_type_name = "Mattermost Webhook"
    _block_type_slug = "mattermost-webhook"

    hostname: str = field(description="The server's name.")
    token: SecretStr = field(description="The last part of the webhook's address.")
    secure: bool = field(False, description="Whether the server is called over https.")
    port: int = field(8065, description="The server's port.")
    path: str | None = field(None, description="The path under which the server lies, if it has one.")
    channels: list[str] = field(
        default_factory=list, description="The channels; that of the webhook without any."
    )
    botname: str | None = field(None, description="The name that the message is signed with.")
