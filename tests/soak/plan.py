"""What a soak consists of: how many machines, runs and kills, for how long, from which seed."""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

QUICK = {
    "ORION_HEARTBEAT_SECONDS": "1",
    "ORION_HEARTBEAT_LOST_SECONDS": "5",
    "ORION_CLAIM_SECONDS": "2",
    "ORION_PENDING_SECONDS": "5",
}
SHORT_HORIZON = {"ORION_SCHEDULER_MIN_SECONDS": "75", "ORION_SCHEDULER_MIN_RUNS": "2"}


@dataclass(frozen=True)
class Plan:
    """One soak; `kills` are mean seconds between two kills of a kind."""

    database: str
    folder: Path
    seconds: float = 600
    runs: int = 1100
    servers: int = 1
    clocks: int = 1
    agents: int = 8
    limit: int = 2
    seed: int = 0
    quick: bool = False
    settle: float = 420

    @property
    def environment(self) -> dict[str, str]:
        """Settings of every machine; the quick variant has short leases, both plan little ahead."""
        return {**SHORT_HORIZON, **(QUICK if self.quick else {})}

    @property
    def interval(self) -> int:
        """Seconds between two due times of a schedule: half of the runs are scheduled."""
        return max(1, round(self.seconds * self.deployments / (self.runs / 2)))

    @property
    def deployments(self) -> int:
        return max(2, min(10, self.runs // 20))

    @property
    def kills(self) -> dict[str, float]:
        """Mean seconds between two kills, for each kind of machine."""
        scale = 0.06 if self.quick else 1.0
        return {"server": 60 * scale, "clock": 60 * scale, "agent": 15 * scale, "flow": 8 * scale}

    def random(self, about: str) -> random.Random:
        """Chance of its own for each part, so that the seed decides them all."""
        return random.Random(f"{self.seed} {about}")


def from_arguments(argv: list[str] | None, folder: Path) -> Plan:
    """The plan of a command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("database", choices=["sqlite", "postgres"])
    parser.add_argument(
        "--seconds", type=float, default=600, help="how long runs are made and machines killed"
    )
    parser.add_argument("--runs", type=int, default=1100, help="how many runs in all, half of them scheduled")
    parser.add_argument("--servers", type=int, help="default: 2 on PostgreSQL, 1 on SQLite")
    parser.add_argument("--clocks", type=int, help="default: 2 on PostgreSQL, 1 on SQLite")
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--limit", type=int, default=2, help="runs at one time in one agent")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--quick", action="store_true", help="short leases and frequent kills")
    parser.add_argument("--settle", type=float, default=420, help="how long the last runs may take to end")
    given = vars(parser.parse_args(argv))
    pair = 2 if given["database"] == "postgres" else 1
    given |= {name: pair for name in ("servers", "clocks") if given[name] is None}
    return Plan(folder=folder, **given)
