"""`python -m tests.soak sqlite|postgres`: many short runs while servers, clocks, agents and flows are killed at random.

At the end every run must have ended exactly once, and no due time may be lost or doubled. `make soak` runs both.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.soak.plan import from_arguments
from tests.soak.soak import soak


def main() -> int:
    """0 when every invariant holds; else 1, and the folder with everything is kept."""
    folder = Path(tempfile.mkdtemp(prefix="orion-soak-"))
    plan = from_arguments(None, folder)
    print(f"Soak on {plan.database}, seed {plan.seed}, in {folder}.", flush=True)
    report = soak(plan)
    print(report.text())
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
