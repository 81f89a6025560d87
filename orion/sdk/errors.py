"""What can go wrong on the side of the flow writer; the docstring is the default message."""

from __future__ import annotations

from orion.errors import OrionError


class MissingContext(OrionError, RuntimeError):
    """There is no run here: this works only inside a flow or a task that is running."""


class TaskOutsideFlow(OrionError, RuntimeError):
    """A task can only be called inside a flow; its plain function is `.fn`."""


class TaskInsideTask(OrionError, RuntimeError):
    """A task cannot be called inside a task; call its plain function with `.fn`, or move the call into the flow."""


class ParameterError(OrionError, TypeError):
    """A call does not fit the signature, or a value does not fit its type hint."""


class ReservedArgument(OrionError, ValueError):
    """An argument has a name that orion keeps for itself."""


class MappingLengthMismatch(OrionError, ValueError):
    """The iterables given to map differ in length."""


class MappingMissingIterable(OrionError, ValueError):
    """map needs at least one iterable argument."""


class Abort(OrionError):
    """The server refused to go on with this run."""


class UnfinishedRun(OrionError):
    """The run is not finished, so it has no result."""


class FailedRun(OrionError):
    """The run failed."""


class CrashedRun(OrionError):
    """The run crashed."""


class CancelledRun(OrionError):
    """The run was cancelled."""


class MissingExtra(OrionError, ImportError):
    """What a part of orion needs is not installed here."""

    def __init__(self, who: str, extra: str) -> None:
        super().__init__(f"{who} needs what is not installed here: pip install 'orion-server[{extra}]'")


class MissingResult(OrionError):
    """The result is not there any more, or was never stored."""


class FlowTimedOut(OrionError, TimeoutError):
    """The flow ran longer than its timeout."""


class TaskTimedOut(OrionError, TimeoutError):
    """The task ran longer than its timeout."""


class NoFreeSlot(OrionError, TimeoutError):
    """No slot of a limit became free in time."""


class Deadlock(OrionError, RuntimeError):
    """A block asks for slots that only the block around it could give back."""


class Unreachable(OrionError, ConnectionError):
    """The API cannot be reached."""


class ApiError(OrionError):
    """The API refused a request; `reason` is what it said, without the request."""

    def __init__(self, message: str, *, status: int, body: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.reason = reason or message


class KeyRefused(ApiError):
    """The API wants a key, and got none or another."""

    exit_code = 2


class ObjectNotFound(ApiError):
    """The API has no such object."""


class ScriptError(OrionError):
    """A file with a flow cannot be loaded."""


class MissingFlow(OrionError):
    """There is no flow of that name."""


class UnspecifiedFlow(OrionError):
    """There are several flows; name one."""


class Terminated(SystemExit):
    """The process was told to end by SIGTERM."""


class CancelRequested(BaseException):
    """Somebody asked for this run to be cancelled."""
