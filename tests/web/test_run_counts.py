"""The numbers above a list of runs: counted together with the history, and the same as counted alone."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.datastructures import QueryParams

from orion.model.states import HistoryBucket
from orion.model.times import utcnow
from orion.store.base import Conn
from orion.web.display import Viewer, viewer
from orion.web.pages import run_counts
from orion.web.pages.run_query import BUCKETS, RunQuery, parse
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


@pytest.mark.parametrize("text", ["--from--", "%00from", "0until & more"])
def test_a_bar_leads_to_its_own_day_whatever_is_searched_for(text: str) -> None:
    start = datetime(2026, 11, 29, tzinfo=UTC)
    bucket = HistoryBucket(interval_start=start, interval_end=start + timedelta(days=2), states=[])
    led = RunQuery(q=text).href(start=run_counts.FROM, end=run_counts.UNTIL)
    found = dict(parse_qsl(urlsplit(run_counts._bucket(bucket, led).href).query))
    until = (start + timedelta(days=1)).isoformat()
    assert (found["q"], found["start-date"], found["end-date"]) == (text, start.isoformat(), until)
