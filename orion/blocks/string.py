"""The block of one text."""

from __future__ import annotations

from orion.blocks.core import Block
from orion.blocks.fields import field


class String(Block):
    """A text that is no secret.

    Example:
        from orion.blocks import String

        greeting = String.load("greeting").value
    """

    _block_type_slug = "string"

    value: str = field(description="The text.")
