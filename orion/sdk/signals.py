"""Signals while a flow runs here: the run ends as crashed and says why, instead of vanishing with the process."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orion.sdk.crashes import forget, tell
from orion.sdk.errors import CancelRequested, Terminated

Handler = Callable[[int, Any], Any]

log = logging.getLogger("orion")

_interruptible = 0
_cancelling = False


def cancel() -> None:
    """Somebody cancels the run of this process: interrupt it, from any thread, where that hurts no other run."""
    global _cancelling
    if _interruptible != 1:
        log.warning("The run is to be cancelled, but cannot be interrupted here; it ends with its next step.")
        return
    _cancelling = True
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated`, where nobody else has taken it; Ctrl+C is noted. In the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _termination(), _interruption():
        try:
            yield
        finally:
            forget()


@contextmanager
def _termination() -> Iterator[None]:
    global _interruptible, _cancelling
    theirs = signal.getsignal(signal.SIGTERM)
    if theirs not in (signal.SIG_DFL, _end):
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    _interruptible += 1
    try:
        yield
    finally:
        _interruptible -= 1
        _cancelling = False
        signal.signal(signal.SIGTERM, _end if _interruptible else signal.SIG_DFL)


@contextmanager
def _interruption() -> Iterator[None]:
    """An event loop answers Ctrl+C by cancelling its coroutines: note what it was before it does."""
    theirs = signal.getsignal(signal.SIGINT)
    if not callable(theirs) or theirs is signal.default_int_handler:
        yield
        return
    ours = _noting(theirs)
    signal.signal(signal.SIGINT, ours)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is ours:
            signal.signal(signal.SIGINT, theirs)


def _noting(theirs: Handler) -> Handler:
    def noted(number: int, frame: Any) -> Any:
        tell(KeyboardInterrupt())
        return theirs(number, frame)

    return noted


def _end(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise tell(CancelRequested() if _cancelling else Terminated(128 + number))
