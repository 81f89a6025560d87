"""How commands talk to the API: JSON in, JSON out, errors that fit on one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orion.sdk.client import SyncClient

PAGE = 200


class Api:
    """The configured API, or the one in this process when none is configured."""

    def __init__(self, client: SyncClient) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self._send("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, {} if body is None else body)

    def patch(self, path: str, body: Any) -> None:
        self._send("PATCH", path, body)

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer; who waits for a busy server sees that, and for how long."""
        from orion.cli.progress import waiting
        from orion.model.wire import encode
        from orion.sdk.exchange import Request

        with waiting("Waiting for the server"):
            return self.client.send(Request(method, path, None if body is None else encode(body), Any))

    def pages(self, path: str, body: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
        """The first `limit` rows of a list, fetched page by page."""
        offset = 0
        while limit > offset:
            asked = min(PAGE, limit - offset)
            rows = self.post(path, {**body, "limit": asked, "offset": offset})
            yield from rows
            if len(rows) < asked:
                return
            offset += asked

    def rows(self, path: str, body: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        """The same as a list; who waits for many pages sees the seconds go by."""
        if limit <= PAGE:
            return list(self.pages(path, body, limit))
        from orion.cli.progress import waiting

        with waiting("Reading"):
            return list(self.pages(path, body, limit))


@contextmanager
def api() -> Iterator[Api]:
    """The API for the length of a command. That a server is away is said soon, not after half a minute."""
    from orion.sdk.client import SyncClient
    from orion.sdk.exchange import Patience

    with SyncClient(patience=Patience(5.0, 2)) as client:
        yield Api(client)
