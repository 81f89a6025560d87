"""Tracebacks as a flow's author wants them: from their own code on, without orion's frames."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TypeVar

HERE = str(Path(__file__).parent)

E = TypeVar("E", bound=BaseException)


def without_engine(error: E) -> E:
    """The same exception; what is left of its traceback are the frames outside of the SDK."""
    return error.with_traceback(_only_theirs(error.__traceback__))


def _only_theirs(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    rest = _only_theirs(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(HERE):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
