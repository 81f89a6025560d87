"""A soak from its beginning to its report."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from orion.model.times import utcnow
from orion.services import crashes, leases
from orion.settings import temporary_settings
from orion.store import Role, Store, open_store
from tests.databases import Cluster
from tests.soak import invariants
from tests.soak.load import Work
from tests.soak.machines import Monkey, Park
from tests.soak.plan import Plan


@dataclass
class Report:
    """What happened and what did not hold."""

    plan: Plan
    endings: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    skipped: int = 0
    found: list[float] = field(default_factory=list)
    seconds: float = 0.0
    settled: float = 0.0
    violations: dict[str, list[str]] = field(default_factory=dict)

    def text(self) -> str:
        """Some lines for people."""
        plan = self.plan
        many = ", ".join(f"{number} {kind}" for kind, number in sorted(self.endings.items()))
        kills = ", ".join(f"{number} {kind}" for kind, number in sorted(self.kills.items()))
        lines = [
            f"{plan.database}: {plan.servers} servers, {plan.clocks} clocks, {plan.agents} agents, "
            f"{self.seconds:.0f} s "
            f"(the last {self.settled:.0f} s without kills), seed {plan.seed}",
            f"runs    {sum(self.endings.values())}: {many}; {self.retried} attempts were retries",
            f"kills   {kills}",
            f"gaps    {self.skipped} due times recorded as skipped",
        ]
        if self.found:
            middle = statistics.median(self.found)
            lines.append(f"crashes found after {middle:.1f} s (median), {self.found[-1]:.1f} s (worst)")
        for name, broken in self.violations.items():
            lines += [f"BROKEN  {name}: {len(broken)}", *(f"        {line}" for line in broken[:10])]
        return "\n".join([*lines, *([] if self.violations else ["Every invariant holds."])])


@contextlib.contextmanager
def database(plan: Plan) -> Iterator[str]:
    """A new database: a file in the folder, or a PostgreSQL cluster of its own."""
    if plan.database == "sqlite":
        yield f"sqlite:///{plan.folder / 'soak.db'}"
        return
    with Cluster() as cluster:
        yield cluster.address("postgres")


def soak(plan: Plan, url: str = "") -> Report:
    """Run it all, on the database at `url` or on a new one, and look what holds."""
    with contextlib.nullcontext(url) if url else database(plan) as url:
        report, begun = Report(plan), time.monotonic()
        park = Park(plan, url)
        try:
            work = Work(park)
            _wait_for_servers(park)
            work.deploy()
            park.start_others()
            kills = _live(park, work)
            report.settled = _settle(park, work, url)
        finally:
            park.stop()
        report.seconds = time.monotonic() - begun
        with contextlib.closing(open_store(url, role=Role.CLOCK)) as store:
            _judge(report, store, work, kills)
    return report


def _wait_for_servers(park: Park) -> None:
    for address in park.addresses:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{address}/health", timeout=5).is_success:
                    break
            time.sleep(0.1)


def _live(park: Park, work: Work) -> list[Monkey]:
    """Make runs and kill machines for the time that the plan gives."""
    stop = threading.Event()
    monkeys = [Monkey(park, kind, stop) for kind in park.plan.kills]
    maker = threading.Thread(target=work.make_runs, args=(threading.Event(),))
    maker.start()
    stop.wait(park.plan.seconds)
    stop.set()
    for thread in (maker, *(monkey.thread for monkey in monkeys)):
        thread.join()
    return monkeys


def _settle(park: Park, work: Work, url: str) -> float:
    """Let the last runs end, with every machine up; how long that took."""
    work.end_schedules()
    begun = time.monotonic()
    until = begun + park.plan.settle
    with (
        temporary_settings(park.plan.environment),
        contextlib.closing(open_store(url, role=Role.CLOCK)) as store,
    ):
        while time.monotonic() < until and (work.open_runs() or store.read_now(_is_held)):
            if (
                park.plan.quick
            ):  # a clock that was killed keeps its duties for longer than this test shall take
                leases.sweep(store, utcnow())
                crashes.close(store, utcnow())
            time.sleep(0.3)
    return time.monotonic() - begun


def _is_held(conn: object) -> bool:
    return any(run.held for run in invariants._read_runs(conn).values()) or bool(invariants._open_tasks(conn))  # type: ignore[arg-type]


def _judge(report: Report, store: Store, work: Work, monkeys: list[Monkey]) -> None:
    runs, diary = invariants.read_runs(store), invariants.read_diary(work.park.folder / "diary")
    span = (work.scheduled_from, work.scheduled_until)
    checks = {
        "I1 durable": invariants.durable(runs, work.acknowledged),
        "I2 single execution": invariants.run_once(runs, diary),
        "I3 ended once": invariants.ended_once(runs),
        "completed runs ran": invariants.completed_ran(runs, diary),
        "I5 schedules": invariants.each_due_time_once(store, runs, work.anchor, span, work.plan.interval),
        "I6 history": invariants.history_agrees(runs),
        "I10 nothing held": invariants.nothing_held(store, runs),
    }
    report.violations = {name: broken for name, found in checks.items() if (broken := list(found))}
    report.endings.update(run.state_type for run in runs.values())
    report.kills.update(monkey.kind for monkey in monkeys for _ in monkey.kills)
    report.retried = sum(name == "AwaitingRetry" for run in runs.values() for _, _, name, _ in run.states)
    report.skipped = sum(store.read_now(invariants.skipped))
    flows = [kill for monkey in monkeys if monkey.kind == "flow" for kill in monkey.kills]
    report.found = invariants.slow_to_be_found(runs, flows)
