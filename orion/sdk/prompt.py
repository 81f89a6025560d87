"""What a script's user sees when it ends by an exception: one red line, or their own frames; never orion's."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from types import TracebackType

from orion.errors import OrionError, Refused, SettingError
from orion.sdk.errors import ApiError, CancelRequested, ParameterError, ScriptError, Unreachable
from orion.sdk.tracebacks import own_frames, without_engine

# These say all there is to say: where in the script they were raised does not matter, or the message has it.
SURROUNDINGS = (Unreachable, ApiError, Refused, SettingError, ScriptError)


def tidy() -> None:
    """From now on an exception that nobody catches is shown in a few words; a hook of somebody else stays."""
    if sys.excepthook is sys.__excepthook__ and threading.current_thread() is threading.main_thread():
        sys.excepthook = show


def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception that ends the program; in debug mode as Python does."""
    if _debugging():
        sys.__excepthook__(kind, error, trace)
        return
    match error:
        case KeyboardInterrupt():
            _say("Interrupted (Ctrl+C).")
        case CancelRequested():
            _say("The flow run was cancelled.")
        case OrionError() if isinstance(error, SURROUNDINGS):
            _say(str(error))
        case ParameterError():
            _say(f"{_place(trace)}{error}")
        case _:
            _trim(error)
            traceback.print_exception(kind, error, error.__traceback__)


def _debugging() -> bool:
    from orion.settings import current

    try:
        return bool(current().debug_mode)
    except SettingError:
        return False


def _say(text: str) -> None:
    red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{text}\x1b[0m\n" if red else f"{text}\n")


def _place(trace: TracebackType | None) -> str:
    """`flow.py, line 12: `, where the user's own code made the call."""
    frames = traceback.extract_tb(own_frames(trace))
    return f"{os.path.relpath(frames[-1].filename)}, line {frames[-1].lineno}: " if frames else ""


def _trim(error: BaseException | None) -> None:
    """Take orion's frames out of an exception and of those that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        without_engine(error)
        error = error.__cause__ or error.__context__
