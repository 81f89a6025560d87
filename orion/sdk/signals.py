"""SIGTERM while a flow runs here: the run ends as crashed and says why, instead of vanishing with the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orion.sdk.crashes import tell
from orion.sdk.errors import Terminated


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into `Terminated`, where nobody else has taken it and this is the main thread."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise tell(Terminated(128 + number))
