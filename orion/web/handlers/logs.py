"""Log lines of runs: taken in batches, read by filter."""

from __future__ import annotations

from orion.store import logs
from orion.store.base import Lane
from orion.store.log_quota import Quota
from orion.web.call import Call, Reply
from orion.web.paging import window


async def create(call: Call) -> Reply:
    """Keep a batch of log lines, all of it or nothing; runs need not exist yet. What is beyond a run's quota is cut."""
    if call.body:
        quota = Quota(call.settings.logging_run_lines, call.settings.logging_run_bytes)
        await call.store.write(logs.insert, call.body, call.now, quota, lane=Lane.LOG)
    return Reply(None, status=201)


async def filter(call: Call) -> Reply:
    """List log lines."""
    limit, offset = window(call)
    sort = call.body.sort or "TIMESTAMP_ASC"
    return Reply(await call.store.read(logs.filter, call.body.logs, sort, limit, offset))
