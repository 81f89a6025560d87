"""The clock (Huey): it says when a duty is due and carries no facts: duties find their work themselves."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] = ()) -> int:
    """`orion clock`: the clock as a process of its own; with `--once` one pass of every duty."""
    from .main import main as run

    return run(argv)
