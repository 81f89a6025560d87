"""What the notification blocks share: the message is made and sent by the same code as the server's."""

from __future__ import annotations

from typing import Any

from orion.blocks.capabilities import NotificationBlock
from orion.blocks.documents import to_data
from orion.blocks.fields import field


class Channel(NotificationBlock):
    """A notification block whose messages `orion.notify` knows how to send."""

    allow_private_urls: bool = field(True, description="Whether addresses inside the network may be called.")

    def notify(self, body: str, subject: str | None = None) -> Any:
        """Send a message; raises when it is refused. Where an event loop runs, it is awaited."""
        from orion.blocks.sending import deliver

        return deliver(self.get_block_type_slug(), to_data(self), body, subject, self.allow_private_urls)
