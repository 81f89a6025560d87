"""A real Chromium, and a real server on a seeded database behind it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from orion.model.times import utcnow
from orion.settings import load
from orion.store import Store, open_store
from orion.web.factory import build_app
from tests import databases
from tests.seed import Seeded, seed

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 20_000  # milliseconds; the machine may be busy
expect.set_options(timeout=PATIENCE)


class Prefixed:
    """An app that is also reached below a path, as behind a proxy that takes the path off and tells nobody."""

    PREFIX = "/some/path"

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{self.PREFIX}/"):
            cut = len(self.PREFIX)
            scope = {**scope, "path": scope["path"][cut:], "raw_path": scope["raw_path"][cut:]}
        await self.app(scope, receive, send)


class Console:
    """The console of one server: its address, its store, and what was seeded."""

    def __init__(self, url: str, store: Store, seeded: Seeded) -> None:
        self.url = url
        self.store = store
        self.seeded = seeded

    def run(self, name: str) -> str:
        """The address of a seeded run's page."""
        return f"{self.url}/runs/{self.seeded.runs[name]}"


def chromium() -> str | None:
    """The program: the one that is named, or the shell without windows, whose pages cost a third, or a whole one."""
    named = os.environ.get("ORION_TEST_CHROMIUM", "")
    whole = ("chromium", "google-chrome", "chromium-browser")
    return next(filter(None, map(shutil.which, (named, "chromium-headless-shell", *whole))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with each file: while Playwright is open, its event loop counts as running in this thread."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server with two days of runs, for the tests of one file."""
    folder = tmp_path_factory.mktemp("console")
    yield from _serve(folder, filled=True)


@pytest.fixture(scope="module")
def empty_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server on which nothing has happened yet."""
    yield from _serve(tmp_path_factory.mktemp("empty"), filled=False)


@pytest.fixture
def own_console(tmp_path: Path) -> Iterator[Console]:
    """The same, for one test."""
    yield from _serve(tmp_path, filled=False)


def _serve(folder: Path, *, filled: bool) -> Iterator[Console]:
    store = open_store(databases.new_sqlite(folder))
    seeded = seed(store, utcnow()) if filled else Seeded()
    app = build_app(load({"ORION_HOME": str(folder)}), store, services=False)
    config = uvicorn.Config(Prefixed(app), port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Console(f"http://127.0.0.1:{port}", store, seeded)
    server.should_exit = True
    thread.join(10)
    store.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser window that fails the test when a page breaks its content policy or its script."""
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    broken: list[str] = []
    opened.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    yield opened
    assert [said for said in broken if "Failed to load resource" not in said] == []
