"""The yardstick: an insert of the floor here, and what it costs at most where the limits were set."""

from __future__ import annotations

from benchmarks import measure, servers, traffic

THERE_MS = 0.25
INSERTS = 300


def insert() -> float:
    """Milliseconds of CPU of one insert of the floor, here and now."""
    with servers.floor() as server:
        line = traffic.Line(server.api)

        def inserts() -> int:
            for _ in range(INSERTS):
                line.send("POST", "/flow_runs/", {"name": "x"})
            return INSERTS

        return 1000 * measure.server_cost(server.pid, inserts).cpu


def slower(insert_ms: float) -> float:
    """How many times slower this machine is than the one of the limits; 1 where it is not."""
    return max(1.0, insert_ms / THERE_MS)
