"""What the tests of pages share: how a browser asks, and servers on which something has happened."""

from __future__ import annotations

import pickle
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from orion.model.times import utcnow
from orion.settings import load
from orion.store import open_store
from orion.web.factory import build_app
from tests import databases
from tests.seed import Seeded, seed
from tests.web.browser import Client, Clock

HTML = {"Accept": "text/html,application/xhtml+xml"}
PARTIAL = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page"}


class World(NamedTuple):
    """A server with a past, and what was put into it."""

    client: Client
    seeded: Seeded


class OpenWorld:
    """A world of some days on a database of a kind, for the length of a block; its past is made once in a session."""

    def __init__(self, kind: str, home: Path, days: float) -> None:
        name = f"days_{days * 10:.0f}"
        self.url, said = databases.filled(kind, home, name, lambda url: pickle.dumps(_past(url, days)))
        clock = Clock()
        clock.now, seeded = pickle.loads(said)
        self.store = open_store(self.url)
        app = build_app(load({"ORION_HOME": str(home)}), self.store, services=False, clock=clock)
        self.world = World(Client(app), seeded)

    def __enter__(self) -> World:
        return self.world

    def __exit__(self, *failure: object) -> None:
        self.world.client.close()
        self.store.close()
        if not self.url.startswith("sqlite"):
            databases.drop_postgres(self.url)


def _past(url: str, days: float) -> tuple[datetime, Seeded]:
    """When a past ends, and what has happened until then."""
    with closing(open_store(url)) as store:
        now = utcnow()
        return now, seed(store, now, days)


def act(client: Client, address: str, **form: Any) -> httpx.Response:
    """Post a form as a browser without scripts does."""
    return client.post(address, data=form, headers=HTML)
