"""States as the writer of a flow meets them: made by hand, asked for their result, added up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from orion.blocks.redaction import redact
from orion.model import states as words
from orion.model.ids import new_id
from orion.model.states import StateDetails, StateType, default_name
from orion.model.times import utcnow
from orion.model.wire import NULL, unraw
from orion.sdk import results
from orion.sdk.errors import CancelledRun, CrashedRun, FailedRun, UnfinishedRun

MESSAGE_LIMIT = 10_000
FAILING = (words.FAILED, words.CRASHED, words.CANCELLED)


class State(words.State, kw_only=True, dict=True):
    """A state of a run. `result()` gives its data, or raises the exception that it holds."""

    def result(self, raise_on_failure: bool = True) -> Any:
        """The data of a finished run; the exception of a failed one is raised, or returned if told so."""
        if self.type not in FAILING:
            if self.type != words.COMPLETED:
                raise UnfinishedRun(f"The run is {self!r}, so it has no result.")
            return self.value()
        error = self.exception()
        if raise_on_failure:
            raise error
        return error

    def value(self) -> Any:
        """What the state holds: from memory if it was made here, else from the stored result."""
        if "held" in self.__dict__:
            return self.__dict__["held"]
        return results.load(unraw(self.data), self._owner())

    def _owner(self) -> str:
        """The state and its run, for messages."""
        details = self.state_details
        kind, run = ("task", details.task_run_id) if details.task_run_id else ("flow", details.flow_run_id)
        return f"the {kind} run {run}, which is {self!r}," if run else f"the state {self!r}"

    def exception(self) -> BaseException:
        """The exception of a run that failed, crashed or was cancelled."""
        try:
            value = self.value()
        except Exception as missing:
            value = None if self.message else missing
        found = _first_exception(value)
        kind = {words.CRASHED: CrashedRun, words.CANCELLED: CancelledRun}.get(self.type, FailedRun)
        return found or kind(self.message or f"The run ended as {self.name}.")

    def holding(self, value: Any) -> State:
        """This state with its data in memory."""
        self.__dict__["held"] = value
        return self

    def is_scheduled(self) -> bool:
        return self.type == words.SCHEDULED

    def is_pending(self) -> bool:
        return self.type == words.PENDING

    def is_running(self) -> bool:
        return self.type == words.RUNNING

    def is_paused(self) -> bool:
        return self.type == words.PAUSED

    def is_completed(self) -> bool:
        return self.type == words.COMPLETED

    def is_failed(self) -> bool:
        return self.type == words.FAILED

    def is_crashed(self) -> bool:
        return self.type == words.CRASHED

    def is_cancelled(self) -> bool:
        return self.type == words.CANCELLED

    def is_cancelling(self) -> bool:
        return self.type == words.CANCELLING

    def __repr__(self) -> str:
        return f"{self.name}({self.message!r})" if self.message else f"{self.name}()"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (msgspec.json.encode(self), self.__dict__.get("held", results.NOTHING))


def _rebuild(body: bytes, held: Any) -> State:
    state = msgspec.json.decode(body, type=State)
    return state if held is results.NOTHING else state.holding(held)


def _first_exception(value: Any) -> BaseException | None:
    if isinstance(value, BaseException):
        return value
    if isinstance(value, State):
        return value.exception() if value.type in FAILING else None
    if isinstance(value, (list, tuple, set)):
        return next((found for item in value if (found := _first_exception(item))), None)
    return None


def make(kind: StateType, name: str | None = None, message: str | None = None, **details: Any) -> State:
    """A new state of a type; `details` go into `state_details`."""
    return State(
        id=new_id(),
        type=kind,
        name=name or default_name(kind),
        timestamp=utcnow(),
        message=message,
        state_details=StateDetails(**details) if details else StateDetails(),
    )


def _with_data(state: State, data: Any) -> State:
    return state if data is results.NOTHING else state.holding(data)


def Completed(data: Any = results.NOTHING, *, message: str | None = None, name: str | None = None) -> State:
    """A run that went well."""
    return _with_data(make(words.COMPLETED, name, message), data)


def Failed(data: Any = results.NOTHING, *, message: str | None = None, name: str | None = None) -> State:
    """A run that did not."""
    return _with_data(make(words.FAILED, name, message), data)


def Crashed(data: Any = results.NOTHING, *, message: str | None = None, name: str | None = None) -> State:
    """A run whose surroundings broke."""
    return _with_data(make(words.CRASHED, name, message), data)


def Cancelled(*, message: str | None = None, name: str | None = None) -> State:
    """A run that somebody stopped."""
    return make(words.CANCELLED, name, message)


def Cancelling(*, message: str | None = None) -> State:
    """A run that is to stop."""
    return make(words.CANCELLING, None, message)


def Pending(*, message: str | None = None, name: str | None = None) -> State:
    """A run that is about to start."""
    return make(words.PENDING, name, message)


def Running(*, message: str | None = None, name: str | None = None) -> State:
    """A run under way."""
    return make(words.RUNNING, name, message)


def Scheduled(
    scheduled_time: datetime | None = None, *, message: str | None = None, name: str | None = None
) -> State:
    """A run for a certain time, by default now."""
    return make(words.SCHEDULED, name, message, scheduled_time=scheduled_time or utcnow())


def AwaitingRetry(scheduled_time: datetime | None = None, *, message: str | None = None) -> State:
    """A run that will be tried again."""
    return Scheduled(scheduled_time, message=message, name="AwaitingRetry")


def exception_to_failed(error: BaseException, subject: str = "The run") -> State:
    """FAILED, holding the exception."""
    return make(words.FAILED, None, f"{subject} raised {describe(error)}").holding(error)


def shown(state: State) -> str:
    """A state in a log line: its name and message, in debug mode all of it."""
    from orion.settings import current

    if not current().debug_mode:
        return repr(state)
    fields = ", ".join(f"{name}={getattr(state, name)!r}" for name in words.State.__struct_fields__)
    return f"State({fields}, held={state.__dict__.get('held')!r})"


def described_call(name: str, args: Iterable[Any], kwargs: dict[str, Any]) -> str:
    """`name(1, b=2)`: a call in a log line."""
    parts = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return f"{name}({', '.join(parts)})"[:2000]


def describe(error: BaseException) -> str:
    """`ValueError: text`, on one line if it is short."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def clean(message: str | None) -> str | None:
    """A message that every database takes: no NUL, no broken surrogates, not longer than a page or two."""
    if message is None:
        return None
    text = redact(message).replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return (
        text
        if len(text) <= MESSAGE_LIMIT
        else f"{text[:MESSAGE_LIMIT]} [cut: it had {len(text):,} characters]"
    )


def aggregate(states: Iterable[State]) -> State:
    """The verdict over several states: COMPLETED if all are, else FAILED; holds the states."""
    found = list(states)
    failed = sum(state.type in FAILING for state in found)
    unfinished = sum(not state.is_final for state in found)
    if failed:
        return make(words.FAILED, None, f"{failed}/{len(found)} states failed.").holding(found)
    if unfinished:
        return make(words.FAILED, None, f"{unfinished}/{len(found)} states are not final.").holding(found)
    return make(words.COMPLETED, None, "All states completed.").holding(found)


def adopt(state: words.State) -> State:
    """A state of the API as a `State`."""
    if isinstance(state, State):
        return state
    return State(**{name: getattr(state, name) for name in words.State.__struct_fields__})


def without_data(state: State) -> bool:
    """Whether a state carries nothing, neither in memory nor by reference."""
    return "held" not in state.__dict__ and state.data == NULL
