"""Keeping results while a run goes on: under which name, and what is said when a file cannot be written."""

from __future__ import annotations

import logging
from typing import Any

from orion.sdk.effects import OffLoop, Steps
from orion.sdk.logs import RunLogger
from orion.sdk.proposals import stored
from orion.sdk.result_options import Keeping
from orion.sdk.results import REFUSED, Blob, message_without, unwritten
from orion.sdk.states import State, describe

Logger = RunLogger | logging.Logger


def storage_key(how: Keeping, names: dict[str, Any], logger: Logger) -> str | None:
    """What `result_storage_key` makes of the run; None where there is none, or it cannot be filled in."""
    if how.key is None:
        return None
    try:
        return how.key.format(**names)
    except Exception as error:
        logger.error(
            "result_storage_key %r cannot be filled in: %s. Another name is used.", how.key, describe(error)
        )
        return None


def written(logger: Logger, state: State, blob: Blob | None) -> Steps[None]:
    """Write the file of a state's result; where that fails the state says so, and the run goes on."""
    if blob is None:
        return
    try:
        yield OffLoop(blob.write)
    except Exception as error:
        logger.error(REFUSED, error)
        state.data = stored(unwritten(error))
        state.message = message_without(state.type, state.message, error)
