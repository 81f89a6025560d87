"""Messages to Discord."""

from __future__ import annotations

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class DiscordWebhook(Channel):
    """Sends messages to a channel of Discord by a webhook.

    Example:
        from orion.blocks import DiscordWebhook

        DiscordWebhook.load("team").notify("The report is ready.")
    """

    _block_type_name = "Discord Webhook"
    _block_type_slug = "discord-webhook"

    webhook_id: SecretStr = field(description="The first part of the webhook's address, a number.")
    webhook_token: SecretStr = field(description="The second part of the webhook's address.")
    botname: str | None = field(None, description="The name that the message is signed with.")
    avatar_url: str | None = field(None, description="The picture beside the message.")
    tts: bool = field(False, description="Whether the message is read aloud.")
