"""`log_prints`: what a flow or task prints goes to its logger instead of the console."""

from __future__ import annotations

import builtins
import sys
from typing import Any

from orion.sdk.context import FLOW, TASK

_print = builtins.print


def run_print(*values: Any, **options: Any) -> None:
    """`print`, unless the run here wants its prints logged."""
    run = TASK.get() or FLOW.get()
    if run is None or not run.log_prints or options.get("file") not in (None, sys.stdout):
        return _print(*values, **options)
    from orion.sdk.logs import get_run_logger

    get_run_logger().info(options.get("sep", " ").join(map(str, values)))


def install() -> None:
    """Put `run_print` in the place of `print`."""
    if builtins.print is not run_print:
        builtins.print = run_print
