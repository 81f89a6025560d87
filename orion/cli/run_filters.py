"""Which runs a command is about, and the word for a run's state."""

from __future__ import annotations

from typing import Any

from orion.cli.lookup import is_id
from orion.errors import Invalid

STATE_NAMES = (
    "Scheduled Late AwaitingRetry AwaitingConcurrencySlot Resuming Pending NotReady Running Retrying Rerunning Paused "
    "Suspended Cancelling Completed Cached Failed TimedOut Crashed Cancelled Skipped"
).split()
STATE_TYPES = "SCHEDULED PENDING RUNNING COMPLETED FAILED CRASHED CANCELLING CANCELLED PAUSED".split()


def filter_of(flows: list[str] | None, types: list[str] | None, names: list[str] | None) -> dict[str, Any]:
    """The body of a filter for runs of flows, in states of types or names, the newest first."""
    kinds = [kind.upper() for kind in types or []]
    unknown = [kind for kind in kinds if kind not in STATE_TYPES]
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no state type; the types are {', '.join(STATE_TYPES)}.")
    state = {
        **({"type": {"any_": kinds}} if kinds else {}),
        **({"name": {"any_": [spelled(name) for name in names]}} if names else {}),
    }
    return {
        "sort": "EXPECTED_START_TIME_DESC",
        **({"flows": flows_called(flows)} if flows else {}),
        **({"flow_runs": {"state": state}} if state else {}),
    }


def spelled(name: str) -> str:
    """A state's name as it is written, however it is typed; names of one's own stay as they are."""
    return next((known for known in STATE_NAMES if known.lower() == name.lower()), name)


def flows_called(flows: list[str]) -> dict[str, Any]:
    """The filter of flows by their names or ids."""
    ids = [flow.lower() for flow in flows if is_id(flow)]
    named = {"name": {"any_": flows}}
    return {"operator": "or_", **named, "id": {"any_": ids}} if ids else named


def state_of(run: dict[str, Any]) -> str:
    """The state of a run in a word."""
    return run["state_name"] or run["state_type"] or "none"
