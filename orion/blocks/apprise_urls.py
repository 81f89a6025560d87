"""Messages by the library Apprise."""

from __future__ import annotations

from typing import Literal

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretStr


class Apprise(Channel):
    """Sends messages to what Apprise knows; the extra `apprise` must be installed where they are sent from.

    Example:
        from orion.blocks import Apprise

        Apprise.load("team").notify("The report is ready.")
    """

    _block_type_slug = "apprise"

    url: SecretStr = field(description="Addresses as Apprise writes them, with commas between them.")
    notify_type: Literal["info", "success", "warning", "failure"] = field(
        "info", description="How grave it is."
    )
