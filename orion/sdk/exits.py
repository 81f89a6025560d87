"""What is to be done before the process ends, while threads and executors still work."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - its own farewell must be registered before ours, to come after it
import threading
from collections.abc import Callable


def at_exit(call: Callable[[], object]) -> None:
    """Call when the main thread has ended; `atexit` itself is too late, executors take nothing any more."""
    register = getattr(threading, "_register_atexit", None) or atexit.register
    register(call)
