"""Table 2, one request: server CPU of each, on SQLite with default durability."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from benchmarks import measure, servers, traffic

LIMITS = {
    "empty answer": "",
    "create flow run": "0.4 ms",
    "set_state, all rules": "0.5 ms",
    "100 log lines in one POST": "1.5 ms",
    "read one run": "0.25 ms",
    "filter, 200 of {n:,} runs": "4 ms",
    "count over {n:,}, unfiltered": "1 ms",
    "count over {n:,}, filtered": "6 ms",
    "history over {n:,}, 7 days in 60 buckets": "15 ms",
    "set_state, 64 writers": "2,000/s, p99 100 ms, none refused",
}


def run(rows: int = 100_000, peer_rows: int = 500) -> str:
    """The table as Markdown; peers are asked over fewer rows, because filling them takes them hours."""
    columns: dict[str, dict[str, str]] = {}
    with servers.floor() as server:
        columns["floor"] = _floor(server)
    with servers.orion("--no-clock") as server:
        columns["orion"] = _all(server, rows)
    for name, python in servers.peers().items():
        with servers.prefect(name, python) as server:
            columns[f"{name} ({peer_rows:,} runs)"] = _all(server, peer_rows, times=20)
    body = [
        [what.format(n=rows), *(c.get(what, "–") for c in columns.values()), limit]
        for what, limit in LIMITS.items()
    ]
    return measure.table("One request (server CPU)", ["", *columns, "orion, at most"], body)


def _floor(server: servers.Server) -> dict[str, str]:
    line = traffic.Line(server.api)
    return {
        "empty answer": _cost(server, 500, lambda: line.send("GET", "/health")),
        "create flow run": _cost(server, 300, lambda: line.send("POST", "/flow_runs/", {"name": "x"})),
    }


def _all(server: servers.Server, rows: int, times: int = 400) -> dict[str, str]:
    line = traffic.Line(server.api)
    flow = line.send("POST", "/flows/", {"name": "bench"}).json()["id"]
    found = {"empty answer": _cost(server, times, lambda: line.send("GET", "/health"))}
    found |= _writes(server, line, flow, times)
    found["set_state, 64 writers"] = _writers(server, line, flow, 20 if times > 100 else 1)
    _fill(line, flow, rows)
    return found | _reads(server, traffic.Line(server.api), times)


def _writes(server: servers.Server, line: traffic.Line, flow: str, times: int) -> dict[str, str]:
    body = {"flow_id": flow, "state": {"type": "PENDING"}, "parameters": {"n": 5}}
    runs: list[str] = []
    states = ["RUNNING", "COMPLETED"]

    def create() -> None:
        runs.append(line.made("/flow_runs/", body)["id"])

    def advance() -> None:
        run, state = divmod(next(steps), 2)
        answer = line.send("POST", f"/flow_runs/{runs[run]}/set_state", {"state": {"type": states[state]}})
        if answer.json()["status"] != "ACCEPT":
            raise RuntimeError(answer.body.decode())

    found = {"create flow run": _cost(server, times, create)}
    steps = iter(range(2 * len(runs)))
    found["set_state, all rules"] = _cost(server, times, advance)
    now = dt.datetime.now(dt.UTC).isoformat()
    lines = [
        {
            "name": "orion.flow_runs",
            "level": 20,
            "message": f"line {n}",
            "timestamp": now,
            "flow_run_id": runs[0],
        }
        for n in range(100)
    ]
    found["100 log lines in one POST"] = _cost(server, times // 4, lambda: line.send("POST", "/logs/", lines))
    found["read one run"] = _cost(server, times, lambda: line.send("GET", f"/flow_runs/{runs[-1]}"))
    return found


def _writers(server: servers.Server, line: traffic.Line, flow: str, runs_each: int) -> str:
    def conversation() -> list[tuple[str, str, Any]]:
        lines: list[tuple[str, str, Any]] = []
        for _ in range(runs_each):
            run = line.made("/flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}})["id"]
            lines += [
                ("POST", f"/flow_runs/{run}/set_state", {"state": {"type": kind}})
                for kind in ("RUNNING", "COMPLETED")
            ]
        return lines

    load = traffic.many(server.api, [conversation() for _ in range(64)], lambda status: status == 201)
    return f"{load.per_second:,.0f}/s, p99 {load.p99 * 1000:.0f} ms, {load.refused} refused"


def _fill(line: traffic.Line, flow: str, rows: int) -> None:
    """Finished runs over the last seven days."""
    now = dt.datetime.now(dt.UTC)
    conversations: list[list[tuple[str, str, Any]]] = []
    for part in range(32):
        lines: list[tuple[str, str, Any]] = []
        for number in range(part, rows, 32):
            at = (now - dt.timedelta(days=7) * (number / rows)).isoformat()
            state = {
                "type": "COMPLETED" if number % 20 else "FAILED",
                "state_details": {"scheduled_time": at},
            }
            lines.append(
                (
                    "POST",
                    "/flow_runs/",
                    {
                        "flow_id": flow,
                        "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}},
                        "tags": ["bench"],
                        "id": str(uuid.uuid4()),
                    },
                )
            )
            lines.append(
                ("POST", f"/flow_runs/{lines[-1][2]['id']}/set_state", {"state": state, "force": True})
            )
        conversations.append(lines)
    traffic.many(line_api(line), conversations, lambda status: status == 201)


def line_api(line: traffic.Line) -> str:
    """The API address that a connection talks to."""
    host, port = line.socket.getpeername()[:2]
    return f"http://{host}:{port}{line.prefix}"


def _reads(server: servers.Server, line: traffic.Line, times: int) -> dict[str, str]:
    now = dt.datetime.now(dt.UTC)
    week = {
        "history_start": (now - dt.timedelta(days=7)).isoformat(),
        "history_end": now.isoformat(),
        "history_interval_seconds": 7 * 86400 / 60,
    }
    newest = {"sort": "EXPECTED_START_TIME_DESC", "limit": 200}
    failed = {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}
    few = max(10, times // 10)
    return {
        "filter, 200 of {n:,} runs": _cost(
            server, few, lambda: line.send("POST", "/flow_runs/filter", newest)
        ),
        "count over {n:,}, unfiltered": _cost(server, few, lambda: line.send("POST", "/flow_runs/count", {})),
        "count over {n:,}, filtered": _cost(
            server, few, lambda: line.send("POST", "/flow_runs/count", failed)
        ),
        "history over {n:,}, 7 days in 60 buckets": _cost(
            server, few, lambda: line.send("POST", "/flow_runs/history", week)
        ),
    }


def _cost(server: servers.Server, times: int, request: Callable[[], Any]) -> str:
    def work() -> int:
        for _ in range(times):
            request()
        return times

    return measure.ms(measure.server_cost(server.pid, work).cpu)
