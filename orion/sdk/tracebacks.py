"""Tracebacks as a flow's author wants them: from their own code on, without orion's frames."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TypeVar

HERE = str(Path(__file__).parent)

E = TypeVar("E", bound=BaseException)


def without_engine(error: E) -> E:
    """The same exception; what is left of its traceback are the frames outside of the SDK."""
    return error.with_traceback(own_frames(error.__traceback__))


def own_frames(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of the SDK."""
    if trace is None:
        return None
    rest = own_frames(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(HERE):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
