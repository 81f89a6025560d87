"""Where the API is: at a URL, or in this process."""

from __future__ import annotations

from typing import Any

import httpx

from orion.settings import Settings, current

LOCAL_URL = "http://127.0.0.1/api"


class Connection:
    """A way to the API: its URL, headers and time limits, and the transports that reach it."""

    def __init__(self, url: str, app: Any = None, *, key: str | None = None, timeout: float = 30.0) -> None:
        self.url, self.app = url.rstrip("/"), app
        self.headers = {"user-agent": "orion-sdk", "accept": "application/json"}
        if key:
            self.headers["authorization"] = f"Bearer {key}"
        self.timeout = httpx.Timeout(timeout, connect=min(10.0, timeout))

    @property
    def is_local(self) -> bool:
        """Whether the API runs in this process."""
        return self.app is not None

    def transport(self) -> httpx.BaseTransport | None:
        if self.app is None:
            return None
        from orion.sdk.ephemeral import LocalTransport

        return LocalTransport(self.app)

    def async_transport(self) -> httpx.AsyncBaseTransport | None:
        if self.app is None:
            return None
        from orion.sdk.ephemeral import AsyncLocalTransport

        return AsyncLocalTransport(self.app)


def connect(settings: Settings | None = None) -> Connection:
    """The API of these settings: ORION_API_URL, else the server that has the database open, else one in this process."""
    settings = settings or current()
    if settings.api_url:
        return Connection(settings.api_url, key=settings.api_key, timeout=settings.api_request_timeout)
    from orion.sdk.ephemeral import mount

    found = mount(settings)
    if isinstance(found, str):
        return Connection(found, key=settings.api_key, timeout=settings.api_request_timeout)
    return Connection(LOCAL_URL, found, timeout=settings.api_request_timeout)
