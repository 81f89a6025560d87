"""The output of a container, passed on once however often its log has to be read."""

from __future__ import annotations

from orion.blocks.infrastructure import Write


class Output:
    """A log that may be read several times from its beginning, and is passed on once."""

    def __init__(self, write: Write, since: int = 0) -> None:
        self.write, self.since = write, since
        self.written, self.position = 0, 0

    def rewind(self) -> None:
        """The log is read anew."""
        self.position = 0

    def take(self, piece: bytes) -> None:
        """Pass on what of a piece is new."""
        new = piece[max(0, self.written - self.position) :]
        self.position += len(piece)
        self.written = max(self.written, self.position)
        if new:
            self.write(new)
