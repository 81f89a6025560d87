"""Why a run crashed, in words: each way to die has its own message."""

from __future__ import annotations

from orion.sdk.errors import Terminated, Unreachable


def reason_of(error: BaseException, subject: str) -> str:
    """`The flow run was interrupted from the keyboard.` and its like."""
    from concurrent.futures import CancelledError

    if isinstance(error, Terminated):
        return f"{subject} was terminated by SIGTERM."
    if isinstance(error, KeyboardInterrupt):
        return f"{subject} was interrupted (SIGINT, Ctrl+C)."
    if isinstance(error, SystemExit):
        return f"{subject} called for the end of the process: SystemExit({error.code!r})."
    if isinstance(error, CancelledError) or type(error).__name__ == "CancelledError":
        return f"{subject} was cancelled by its event loop."
    if isinstance(error, Unreachable):
        return f"{subject} lost the connection to the API: {error}"
    return f"{subject} ended by {type(error).__name__}: {error}"
