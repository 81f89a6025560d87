"""The numbers above a list of runs: counted together with the history, and the same as counted alone."""

from __future__ import annotations

from contextvars import copy_context
from datetime import timedelta

import pytest
from starlette.datastructures import QueryParams

from orion.model.times import utcnow
from orion.store.base import Conn
from orion.web.display import Viewer, viewer
from orion.web.pages import run_counts
from orion.web.pages.run_query import BUCKETS, parse
from tests.web.pages import World

QUERIES = (
    "range=1h",
    "range=6h",
    "range=24h",
    "",
    "range=30d",
    "range=30d&tag=nightly",
    "q=o",
    "state=failed",
)


@pytest.mark.parametrize("query", QUERIES)
def test_counts_beside_a_history_are_the_counts(seen: World, query: str) -> None:
    now = utcnow()
    context = copy_context()
    context.run(viewer.set, Viewer(now))
    wanted = parse(QueryParams(query))

    def both(conn: Conn) -> tuple[dict[str, int], dict[str, int]]:
        start, end = wanted.span(now)
        width = timedelta(seconds=BUCKETS[wanted.range])
        buckets = run_counts.history(conn, wanted, start, min(end, now + (now - start) / 8), width, now)
        beside = run_counts.counts_beside(conn, wanted, buckets, width, (start, end), now)
        return beside, run_counts.counts(conn, wanted, start, end, now)

    beside, alone = seen.client.app.state.store.read_now(lambda conn: context.run(both, conn))
    assert {look: number for look, number in beside.items() if number} == alone
    assert alone or query in ("range=30d&tag=nightly", "range=1h")
