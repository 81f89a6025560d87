"""The block of one JSON value."""

from __future__ import annotations

from typing import Any

from orion.blocks.core import Block
from orion.blocks.fields import field


class JSON(Block):
    """Any JSON value: an object, a list, a number, a text.

    Example:
        from orion.blocks import JSON

        limits = JSON.load("limits").value
    """

    _block_type_slug = "json"

    value: Any = field(description="The value.")
