"""Run a module's `main` tied to the process that started it: when that one ends, however, this one ends too.

python -m orion.cli.tied PARENT_PID MODULE [ARGUMENTS]
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from importlib import import_module

_PR_SET_PDEATHSIG = 1


def tie_to(parent: int) -> None:
    """Ask the kernel for a SIGTERM when the parent dies; leave at once if it is gone already."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    tie_to(int(sys.argv[1]))
    sys.exit(import_module(sys.argv[2]).main(sys.argv[3:]))
