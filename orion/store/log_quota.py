"""The quota of logs: how much one run may write. What is beyond is cut, and one line of the run's log says so."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from orion.model.logs import LogCreate
from orion.store import sql
from orion.store.base import Conn

Q = sql.load("log_quota")
WARNING = 30
MARK = 2**62 - 1  # the number of the line that says so; its source is the run, so that there is one


class Quota(NamedTuple):
    """How many lines a run may write, and how many bytes; 0 sets no limit."""

    lines: int
    bytes: int


class Written(NamedTuple):
    """What a run has written, by its own count."""

    lines: int
    bytes: int


def within(conn: Conn, lines: list[LogCreate], quota: Quota, now: datetime) -> list[LogCreate]:
    """The lines of a batch that its runs may still write, with a mark where some are cut."""
    of: dict[str, list[LogCreate]] = {}
    for line in lines:
        of.setdefault(line.flow_run_id or "", []).append(line)
    return [
        line
        for run in sorted(of)  # always in this order, so that two batches never wait for each other
        for line in (_of_run(conn, run, of[run], quota, now) if run else of[run])
    ]


def _of_run(conn: Conn, run: str, lines: list[LogCreate], quota: Quota, now: datetime) -> list[LogCreate]:
    size = sum(map(_bytes, lines))
    after = _add(conn, run, len(lines), size)
    if _fits(after, quota):
        return lines
    used = Written(after.lines - len(lines), after.bytes - size)
    if _fits(used, quota):  # a batch that was sent twice counted twice, so look once at what is there
        lines, used = _new(conn, lines), _counted(conn, run)
    kept: list[LogCreate] = []
    for line in lines:
        used = Written(used.lines + 1, used.bytes + _bytes(line))
        if not _fits(used, quota):
            return [*kept, _mark(run, quota, line, now)]
        kept.append(line)
    conn.run(Q.set, {"run": run, "lines": used.lines, "bytes": used.bytes})
    return kept


def _fits(written: Written, quota: Quota) -> bool:
    return (not quota.lines or written.lines <= quota.lines) and (
        not quota.bytes or written.bytes <= quota.bytes
    )


def _add(conn: Conn, run: str, lines: int, size: int) -> Written:
    row = conn.one(Q.add, {"run": run, "lines": lines, "bytes": size})
    assert row is not None
    return Written(int(row[0]), int(row[1]))


def _counted(conn: Conn, run: str) -> Written:
    row = conn.one(Q.counted, {"run": run})
    return Written(int(row[0]), int(row[1])) if row else Written(0, 0)


def _new(conn: Conn, lines: list[LogCreate]) -> list[LogCreate]:
    """Those of the lines that are not there yet."""
    numbered = [line for line in lines if line.source is not None and line.seq is not None]
    there = set()
    for source in {line.source for line in numbered}:
        numbers = [line.seq or 0 for line in numbered if line.source == source]
        found = conn.all(Q.there, {"source": source, "least": min(numbers), "most": max(numbers)})
        there |= {(source, seq) for (seq,) in found}
    return [line for line in lines if (line.source, line.seq) not in there]


def _bytes(line: LogCreate) -> int:
    return len(line.message)


def _mark(run: str, quota: Quota, line: LogCreate, now: datetime) -> LogCreate:
    """It has the time of the first line that is cut, so that it is read where that line would be."""
    limits = [f"{quota.lines:,} lines"] * bool(quota.lines) + [f"{quota.bytes:,} bytes"] * bool(quota.bytes)
    text = (
        f"This run has written more than {' or '.join(limits)} of logs. The lines after this one were not kept; "
        "ORION_LOGGING_RUN_LINES and ORION_LOGGING_RUN_BYTES of the server set the limit."
    )
    return LogCreate(
        name="orion.logs", level=WARNING, message=text, timestamp=min(line.timestamp, now), flow_run_id=run,
        source=run, seq=MARK,
    )  # fmt: skip
