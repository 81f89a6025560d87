"""A campaign: requests by chance against an app over a database, each answer judged; the seed decides all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from orion.services import runner
from orion.settings import load
from orion.store import duties as duty_rows
from orion.store import open_store, upkeep
from orion.store.url import parse
from orion.web.factory import build_app
from tests.fuzz import console
from tests.fuzz.console import Ask, Console
from tests.fuzz.requests import Maker, Operation, Request, operations
from tests.fuzz.values import Values
from tests.fuzz.verdict import Judge, names_the_field
from tests.fuzz.world import furnish
from tests.web.browser import Client, Clock

MOST_CPU = 5.0  # seconds that one request may take of the whole process
KEPT = 12  # objects of a kind that later requests are about
NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
WAYS = ("valid",) * 5 + ("nearly",) * 9 + ("broken",) * 2 + ("odd",) * 3 + ("twice",)
CONSOLE = 0.4  # how many requests are for it
FURNISH = 300  # requests after which there are new objects
REMEMBERED = {
    "id": "ids",
    "name": "names",
    "slug": "names",
    "tag": "names",
    "key": "names",
    "checksum": "names",
}
LOOKS = 0.05  # how often all rows are compared before and after


@dataclass
class Report:
    """What was asked and what did not hold."""

    seed: int
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def text(self) -> str:
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        head = (
            f"{self.asked} requests with seed {self.seed}; {counts}; slowest {self.slowest[0]:.2f} s of CPU"
        )
        return "\n\n".join((head, *self.faults))


class Campaign:
    """Requests against one app; `step` sends one and notes what does not hold."""

    def __init__(self, client: Client, url: str, seed: int) -> None:
        self.client, self.url, self.report = client, url, Report(seed)
        self.rng = random.Random(seed)
        self.ids: dict[str, list[str]] = {}
        self.names: dict[str, list[str]] = {}
        document = client.get("/api/openapi.json").json()
        self.operations = operations(document)
        self.judge = Judge(document)
        self.maker = Maker(
            self.rng, Values(self.rng, document["components"]["schemas"], self.ids), self.names
        )
        self.weights = [operation.weight for operation in self.operations]
        self._furnished = 0
        self.console = Console(self.rng, self.ids, self.names)

    def step(self, ways: Sequence[str] = WAYS) -> None:
        """One request to the API or to the console; now and then new objects, as others are deleted."""
        if self.report.asked >= self._furnished:
            self._furnished = self.report.asked + FURNISH
            furnish(self.client, self._remember)
        if self.rng.random() < CONSOLE:
            self.browse()
        else:
            self.call(self.rng.choice(ways))

    def call(self, way: str) -> None:
        """One request to the API."""
        operation = self.rng.choices(self.operations, self.weights)[0]
        if way == "twice":
            self._twice(self.maker.valid(operation))
        else:
            self._judge(getattr(self.maker, way)(operation))

    def browse(self) -> None:
        """One page of the console, or one of its forms."""
        ask = self.console.look() if self.rng.random() < 0.6 else self.console.act()
        answer = self._send(ask, looks=ask.method == "POST" and self.rng.random() < LOOKS)
        if answer is not None:
            self._note(ask, console.faults(ask, answer))
            self.console.learn(ask, answer)

    def _judge(self, request: Request) -> None:
        answer = self._send(request, looks=request.wrong is not None and self.rng.random() < LOOKS)
        if answer is None:
            return
        self._note(request, self.judge.faults(request, answer))
        if not names_the_field(request, answer) and not self._refused_anyway(request):
            self._note(request, [f"the refusal does not name {request.wrong}: {answer.text[:300]}"])
        self._learn(request.operation, answer)

    def _twice(self, request: Request) -> None:
        """The same request twice at once."""
        for answer in [each.result(60) for each in (self._start(request), self._start(request))]:
            self._count(answer)
            self._note(request, [f"twice at once: {fault}" for fault in self.judge.faults(request, answer)])

    def _send(self, request: Request | Ask, looks: bool = False) -> httpx.Response | None:
        """The answer; `looks` also sees to it that what is refused leaves nothing behind."""
        before = self.contents() if looks else ""
        began = time.process_time()
        try:
            answer: httpx.Response = self._start(request).result(60)
        except Exception as error:
            self._note(request, [f"no answer: {error!r}"])
            return None
        self._took(time.process_time() - began, request)
        self._count(answer)
        if before and answer.is_client_error and self.contents() != before:
            self._note(request, [f"refused with {answer.status_code}, yet something was written"])
        return answer

    def _start(self, request: Request | Ask) -> Any:
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        return self.client.start(request.method, request.path, content=request.content, headers=headers)

    def _count(self, answer: httpx.Response) -> None:
        self.report.asked += 1
        self.report.statuses[answer.status_code] += 1

    def _took(self, seconds: float, request: Request | Ask) -> None:
        if seconds > self.report.slowest[0]:
            self.report.slowest = seconds, str(request)[:300]
        if seconds > MOST_CPU:
            self._note(request, [f"took {seconds:.1f} s of CPU"])

    def _refused_anyway(self, request: Request) -> bool:
        """Whether the same body without the one wrong thing is refused, too."""
        answer = self._send(Request(**{**vars(request), "content": request.base, "wrong": None}))
        return answer is None or answer.status_code == 422

    def _note(self, request: Request | Ask, faults: list[str]) -> None:
        self.report.faults += [f"[{self.report.asked}] {request}\n  {fault}" for fault in faults]

    def _learn(self, operation: Operation, answer: httpx.Response) -> None:
        """Remember what objects there are."""
        if answer.status_code not in (200, 201) or operation.path in (
            "/api/openapi.json",
            "/api/admin/settings",
        ):
            return
        with contextlib.suppress(ValueError):
            found = json.loads(answer.content)
            for each in found[:5] if isinstance(found, list) else [found]:
                if isinstance(each, dict):
                    self._remember(operation.kind, each)

    def _remember(self, kind: str, found: dict[str, Any]) -> None:
        for key, into in REMEMBERED.items():
            if isinstance(value := found.get(key), str):
                known = getattr(self, into).setdefault(kind, [])
                known[:] = [*[one for one in known if one != value][-KEPT:], value]

    def contents(self) -> str:
        """A digest of every row of the database."""
        digest = hashlib.sha256()
        for line in sorted(rows(self.url)):
            digest.update(line.encode("utf-8", "replace"))
        return digest.hexdigest()

    def finish(self) -> Report:
        """Run the clock's duties over what is there, and check the database."""
        store, found = self.client.app.state.store, self.report.faults
        if self.client.get("/api/health").json() is not True:
            found.append("the server is not healthy")
        for days in (0, 1, 400):
            now = self.client.app.state.clock() + timedelta(days=days)
            runner.run_all(store, lambda now=now: now)
            for name, run in store.read_now(duty_rows.every).items():
                if run.last_error:
                    found.append(f"the duty {name} failed: {run.last_error}")
        found += [f"the database: {fault}" for fault in upkeep.check(self.url)]
        return self.report


def rows(url: str) -> Iterator[str]:
    """Every row of a database as text."""
    if (path := parse(url).path) is not None:
        with closing(sqlite3.connect(path)) as raw:
            tables = raw.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for (table,) in tables.fetchall():
                yield from (f"{table} {row}" for row in raw.execute(f'SELECT * FROM "{table}"'))
        return
    with closing(psycopg.connect(url)) as pg:
        for (table,) in pg.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            yield from (f"{table} {row}" for row in pg.execute(f'SELECT * FROM "{table}"'.encode()))


@contextlib.contextmanager
def campaign(url: str, home: Path, seed: int) -> Iterator[Campaign]:
    """A campaign against an app over the database at `url`, whose clock stands still."""
    store, clock = open_store(url), Clock()
    clock.now = NOW
    client = Client(build_app(load({"ORION_HOME": str(home)}), store, services=False, clock=clock))
    try:
        yield Campaign(client, url, seed)
    finally:
        client.close()
        store.close()
