"""Why a run crashed, in words: each way to die has its own message."""

from __future__ import annotations

from orion.sdk.errors import CancelRequested, FlowTimedOut, Terminated, Unreachable
from orion.sdk.states import State, make

_told: list[BaseException] = []


def tell(error: BaseException) -> BaseException:
    """Note why the process ends: an event loop passes it on to its coroutines as a mere CancelledError."""
    _told.append(error)
    return error


def forget() -> None:
    """The run is over: what was told is not about the next."""
    _told.clear()


def cause(error: BaseException) -> BaseException:
    """The exception that was told, if this one is the event loop's way to pass it on."""
    return _told[-1] if _told and type(error).__name__ == "CancelledError" else error


def end_of(error: BaseException, subject: str) -> State:
    """The state of a run that is torn down: CANCELLED if somebody asked for that, else CRASHED."""
    error = cause(error)
    if isinstance(error, CancelRequested):
        return make("CANCELLED", None, f"{subject} was cancelled.")
    return make("CRASHED", None, reason_of(error, subject))


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
    if isinstance(error, FlowTimedOut):
        return f"{subject} was given up with its flow. {error}"
    if isinstance(error, Unreachable):
        return f"{subject} lost the connection to the API: {error}"
    return f"{subject} ended by {type(error).__name__}: {error}"
