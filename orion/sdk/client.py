"""Clients of the API, sync and async: one method a route (routes.py), against a server or in process."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from orion.sdk.block_routes import BlockRoutes
from orion.sdk.connection import Connection, connect
from orion.sdk.exchange import Patience, Request, Response, Unanswered, attempts, read
from orion.sdk.limit_routes import LimitRoutes
from orion.settings import current

REDIRECTS = frozenset((301, 302, 303, 307, 308))


class SyncClient(BlockRoutes, LimitRoutes):
    """A client that blocks. Its connections are kept alive; one client may be shared by threads."""

    def __init__(self, connection: Connection | None = None, patience: Patience | None = None) -> None:
        self.connection = connection or connect()
        self.patience = patience or default_patience()
        self.transport = self.connection.transport()

    @property
    def api_url(self) -> str:
        return self.connection.url

    def send(self, request: Request) -> Any:
        tries = attempts(self.patience, self.connection.url)
        pause = next(tries)
        while True:
            if pause:
                time.sleep(pause)
            try:
                pause = tries.send(self._once(request))
            except StopIteration as stop:
                return read(request, stop.value)

    def _once(self, request: Request) -> Response | Unanswered:
        message = self.connection.message(request)
        try:
            response = self.transport.send(message)
            if response.status in REDIRECTS:
                self.transport.close()
                self.transport = self.connection.any_transport()
                response = self.transport.send(message)
            return response
        except Unanswered as error:
            return error

    def close(self) -> None:
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(BlockRoutes, LimitRoutes):
    """A client to await; it belongs to the event loop that first uses it."""

    def __init__(self, connection: Connection | None = None, patience: Patience | None = None) -> None:
        self.connection = connection or connect()
        self.patience = patience or default_patience()
        self.transport = self.connection.async_transport()

    @property
    def api_url(self) -> str:
        return self.connection.url

    async def send(self, request: Request) -> Any:
        import asyncio

        tries = attempts(self.patience, self.connection.url)
        pause = next(tries)
        while True:
            if pause:
                await asyncio.sleep(pause)
            try:
                pause = tries.send(await self._once(request))
            except StopIteration as stop:
                return read(request, stop.value)

    async def _once(self, request: Request) -> Response | Unanswered:
        message = self.connection.message(request)
        try:
            response = await self.transport.send(message)
            if response.status in REDIRECTS:
                await self.transport.close()
                self.transport = self.connection.any_async_transport()
                response = await self.transport.send(message)
            return response
        except Unanswered as error:
            return error

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def get_client(sync_client: bool = False) -> SyncClient | AsyncClient:
    """A client of the configured API, or of the one in this process when none is configured.

    `async with get_client() as client: await client.read_flow_runs()`, or
    `with get_client(sync_client=True) as client: client.read_flow_runs()`.
    """
    return SyncClient() if sync_client else AsyncClient()


def default_patience() -> Patience:
    """The patience of people: a few tries, half a minute."""
    return Patience(30.0, current().client_max_retries)
