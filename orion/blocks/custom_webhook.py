"""Requests of any form to any address."""

from __future__ import annotations

from typing import Any, Literal

from orion.blocks.channels import Channel
from orion.blocks.fields import field
from orion.blocks.secrets import SecretDict, SecretStr


class CustomWebhook(Channel):
    """Sends messages in a form of your own: `{{subject}}`, `{{body}}` and the names of secrets are put in their places.

    Example:
        from orion.blocks import CustomWebhook

        chat = CustomWebhook(name="chat", url="https://chat.example/{{token}}", secrets={"token": "..."},
                             json_data={"text": "{{body}}"})
        chat.notify("The report is ready.")
    """

    _block_type_name = "Custom Webhook"
    _block_type_slug = "custom-webhook"

    name: str = field("", description="A name for the messages: `{{name}}`.")
    url: SecretStr = field(description="The address.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    params: dict[str, str] | None = field(None, description="What stands behind the `?` of the address.")
    json_data: dict[str, Any] | None = field(None, description="The body as JSON.")
    form_data: dict[str, str] | None = field(None, description="The body as a form.")
    headers: dict[str, str] | None = field(None, description="Header fields.")
    cookies: dict[str, str] | None = field(None, description="Cookies.")
    timeout: float = field(10, description="Seconds to wait for the answer.")
    secrets: SecretDict = field(
        default_factory=SecretDict, description="Values that may stand in all of these."
    )
