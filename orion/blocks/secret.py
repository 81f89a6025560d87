"""The block of one secret value."""

from __future__ import annotations

from typing import Any

from orion.blocks.core import Block
from orion.blocks.fields import field
from orion.blocks.secrets import SecretJson


class Secret(Block):
    """A secret value, such as a password or a token. It is encrypted where it is kept and masked where it is shown.

    Example:
        from orion.blocks import Secret

        token = Secret.load("token").get()
    """

    _block_type_slug = "secret"

    value: SecretJson = field(description="The secret: a text, or any other JSON.")

    def get(self) -> Any:
        """The value in clear."""
        return self.value.get_secret_value()
