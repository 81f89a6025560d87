"""Build the app: settings in, a Starlette application out, with its store opened and closed by the lifespan."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from orion import __version__
from orion.model.times import utcnow
from orion.orchestration.line import Line
from orion.web.dispatch import Dispatch
from orion.web.events_in import events_in
from orion.web.routes import routes
from orion.web.security import make_guard, words
from orion.web.traffic import Traffic

if TYPE_CHECKING:
    from orion.settings import Settings
    from orion.store.base import Store
    from orion.web.pages.outline import Outlines


def build_app(
    settings: Settings,
    store: Store | None = None,
    *,
    services: bool = True,
    clock: Callable[[], datetime] = utcnow,
) -> Starlette:
    """The application. A `store` that is passed in stays the caller's; without one the lifespan opens the database.

    Raises `LoginNeeded` when the settings would open the server to others without a key. `services` says that this
    is a long-lived server; an app inside a flow's process has none.
    """
    app = Starlette(lifespan=_lifespan, middleware=_middleware(settings))
    app.state.settings = settings
    app.state.store = store
    app.state.owns_store = store is None
    app.state.services = services
    app.state.clock = clock
    app.state.line = Line()
    app.state.outlines = _outlines() if settings.ui_enabled else None
    app.state.closing = asyncio.Event()
    app.state.version = __version__
    app.router.redirect_slashes = False
    table = routes(console=settings.ui_enabled)
    app.state.routes = table
    app.state.traffic = Traffic()
    app.state.seen_agents = {}
    sockets = {"/api/events/in": events_in}
    app.router.default = Dispatch(table, make_guard(settings), sockets, clock, app.state.traffic)
    return app


def _outlines() -> Outlines:
    """What pages keep of big runs. Where there is no console, its rooms are not even imported."""
    from orion.web.pages.outline import Outlines

    return Outlines()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    if app.state.owns_store:
        app.state.store = await asyncio.to_thread(_open, app.state.settings, app.state.services)
        if app.state.services:
            gc.freeze()  # what is here now stays: a big page need not have the collector go over it again and again
    watching = _watch(app) if app.state.services else []
    try:
        yield
    finally:
        app.state.closing.set()
        for task in watching:
            task.cancel()
        if app.state.owns_store:
            await asyncio.to_thread(app.state.store.close)


def _watch(app: Starlette) -> list[asyncio.Task[None]]:
    """A duty that no clock runs, the server runs itself; and clocks elsewhere are told that it lives."""
    from orion.services import presence, watchdog

    store, clock = app.state.store, app.state.clock
    return [asyncio.create_task(work(store, clock)) for work in (watchdog.watch, presence.keep)]


def _open(settings: Settings, services: bool) -> Store:
    from orion.store import Role, open_store

    return open_store(settings.database_url, role=Role.SERVER if services else Role.EPHEMERAL)


def _middleware(settings: Settings) -> list[Middleware]:
    """Cross-origin reads only for origins that a setting names; none by default."""
    origins = words(settings.allowed_origins)
    if not origins:
        return []
    return [Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])]
