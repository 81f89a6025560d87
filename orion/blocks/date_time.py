"""The block of one moment."""

from __future__ import annotations

from datetime import datetime

from orion.blocks.core import Block
from orion.blocks.fields import field


class DateTime(Block):
    """A moment in time.

    Example:
        from orion.blocks import DateTime

        since = DateTime.load("since").value
    """

    _block_type_name = "Date Time"
    _block_type_slug = "date-time"

    value: datetime = field(description="The moment, in ISO 8601.")
