"""Crash points: named places where a process can be made to die, to prove that no moment is a bad one.

`ORION_CRASH_AT` names one. Off, a point costs a look at a setting.
"""

from __future__ import annotations

import os

from orion.settings import current

POINTS = (
    "migration-step",  # a step of the schema is done and not committed
    "writer-before-commit",
    "writer-after-commit",  # kept, and nobody told
    "claim-handed-out",  # runs are kept for an asker, and not committed
    "outbox-sent",  # a message has left, and is not marked
)
STATUS = 137


def crash_point(name: str) -> None:
    """Die here, as by kill -9, if this is the point that is asked for."""
    if current().crash_at == name:
        os._exit(STATUS)
