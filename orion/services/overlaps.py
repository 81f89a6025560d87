"""Overlaps: a deployment that cancels its previous runs, or the one too many, does so also where no agent asks."""

from __future__ import annotations

from datetime import datetime

from orion.orchestration import overlaps
from orion.store import Lane, Store, deployment_limits


def settle(store: Store, now: datetime) -> int:
    """Cancel what is too many where a run has come due; the number of runs."""
    found = store.read_now(deployment_limits.colliding, now)
    return sum(store.write_now(overlaps.settle, id, now, lane=Lane.LOW) for id in found)
