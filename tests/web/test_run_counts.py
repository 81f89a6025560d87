"""The numbers above a list of runs: counted together with the history, and the same as counted alone."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.datastructures import QueryParams

from orion.model.states import HistoryBucket
from orion.model.times import utcnow
from orion.store.base import Conn
from orion.web.display import Viewer, viewer
from orion.web.pages import run_counts, runs
from orion.web.pages.run_query import MOST_BARS, WIDTHS, RunQuery, parse
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
    "start-date=1970-01-01",
    "start-date=2026-01-01&end-date=2199-12-31",
)


@pytest.mark.parametrize("query", QUERIES)
def test_counts_beside_a_history_are_the_counts(seen: World, query: str) -> None:
    now = utcnow()
    context = copy_context()
    context.run(viewer.set, Viewer(now))
    wanted = parse(QueryParams(query))

    def both(conn: Conn) -> tuple[dict[str, int], dict[str, int]]:
        start, end = wanted.span(now)
        until, width = wanted.bars(start, end, now)
        buckets = run_counts.history(conn, wanted, start, until, width, now)
        beside = run_counts.counts_beside(conn, wanted, buckets, width, (start, end), now)
        return beside, run_counts.counts(conn, wanted, start, end, now)

    beside, alone = seen.client.app.state.store.read_now(lambda conn: context.run(both, conn))
    assert {look: number for look, number in beside.items() if number} == alone
    assert alone or query in ("range=30d&tag=nightly", "range=1h")


LISTS = (
    "",
    "range=24h",
    "range=30d&tag=nightly",
    "q=o",
    "q=nobody",
    "state=scheduled",
    "state=late",
    "sort=oldest",
    "by=end",
)


@pytest.mark.parametrize("query", LISTS)
def test_a_list_goes_no_further_back_than_its_history_counted(
    seen: World, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And shows the same as one that does, also where a page holds few of its runs."""
    monkeypatch.setattr(runs, "PAGE", 3)
    shown, asked = _listed(seen, query, monkeypatch)
    monkeypatch.setattr(run_counts, "reach", lambda query, buckets, width, span, *_: span[0])
    whole, before = _listed(seen, query, monkeypatch)
    assert shown == whole
    assert all(since >= before[0] for since in asked)
    if query in ("", "range=24h"):
        assert asked[0] > before[0], "there are more runs than a page shows"
    assert bool(asked) == bool(whole), "where nothing was counted, nothing is sought"


def _listed(
    seen: World, query: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[tuple[str, list[str]]], list[datetime]]:
    """The groups of a list with the ids of their runs, and from when on they were sought."""
    asked: list[datetime] = []
    page = runs._page

    def noting(conn: Conn, query: RunQuery, start: datetime, *more: Any) -> Any:
        asked.append(start)
        return page(conn, query, start, *more)

    with monkeypatch.context() as patch:
        patch.setattr(runs, "_page", noting)
        found = seen.client.get(f"/runs?{query}", headers={"Accept": "application/json"}).json()
    groups = [(group["title"], [row["run"]["id"] for row in group["rows"]]) for group in found["groups"]]
    return groups, asked


@pytest.mark.parametrize(
    ("start", "end", "bar"),
    [
        ("2026-11-28", "2026-11-28", 1800),
        ("2026-11-01", "2026-11-28", 43_200),
        ("2026-01-01", "2026-11-28", 604_800),
        ("2020-01-01", "2026-11-28", 364 * 86_400),
        ("0001-01-01", "9999-12-31", 364 * 86_400),
        ("2500-01-01", "9999-12-31", 364 * 86_400),
    ],
)
def test_a_history_of_chosen_days_has_few_bars_however_many_days(
    seen: World, start: str, end: str, bar: int
) -> None:
    """A year of bars of four hours was two thousand of them, and a day before 1970 no page at all."""
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    copy_context().run(_few_bars, f"start-date={start}&end-date={end}", now, bar)
    page = seen.client.get(f"/runs?start-date={start}&end-date={end}", headers={"Accept": "text/html"})
    assert page.status_code == 200


def _few_bars(query: str, now: datetime, bar: int) -> None:
    viewer.set(Viewer(now))
    wanted = parse(QueryParams(query))
    start, end = wanted.span(now)
    until, width = wanted.bars(start, end, now)
    assert width.total_seconds() == bar and bar in WIDTHS
    assert start < until <= end and (until - start) / width <= MOST_BARS


@pytest.mark.parametrize("text", ["--from--", "%00from", "0until & more"])
def test_a_bar_leads_to_its_own_day_whatever_is_searched_for(text: str) -> None:
    start = datetime(2026, 11, 29, tzinfo=UTC)
    bucket = HistoryBucket(interval_start=start, interval_end=start + timedelta(days=2), states=[])
    led = RunQuery(q=text).href(start=run_counts.FROM, end=run_counts.UNTIL)
    found = dict(parse_qsl(urlsplit(run_counts._bucket(bucket, led).href).query))
    until = (start + timedelta(days=1)).isoformat()
    assert (found["q"], found["start-date"], found["end-date"]) == (text, start.isoformat(), until)
