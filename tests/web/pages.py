"""What the tests of pages share: how a browser asks, and servers on which something has happened."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from orion.settings import load
from orion.store import open_store
from orion.web.factory import build_app
from tests.seed import Seeded, seed
from tests.web.browser import Client, Clock

HTML = {"Accept": "text/html,application/xhtml+xml"}
PARTIAL = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page"}


class World(NamedTuple):
    """A server with a past, and what was put into it."""

    client: Client
    seeded: Seeded


class OpenWorld:
    """A world on the database at `url`, for the length of a block."""

    def __init__(self, url: str, home: str, days: float) -> None:
        self.store = open_store(url)
        clock = Clock()
        seeded = seed(self.store, clock.now, days)
        app = build_app(load({"ORION_HOME": home}), self.store, services=False, clock=clock)
        self.world = World(Client(app), seeded)

    def __enter__(self) -> World:
        return self.world

    def __exit__(self, *failure: object) -> None:
        self.world.client.close()
        self.store.close()


def act(client: Client, address: str, **form: Any) -> httpx.Response:
    """Post a form as a browser without scripts does."""
    return client.post(address, data=form, headers=HTML)
