"""Where the API is: at a URL, or in this process."""

from __future__ import annotations

import os
import re
import sys
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from orion.errors import SettingError
from orion.sdk.exchange import AsyncTransport, Message, Request, Transport
from orion.sdk.sockets import Place, SocketTransport, StreamTransport
from orion.settings import Settings, current

LOCAL_URL = "http://127.0.0.1/api"
CONNECT_SECONDS = 10.0
UNQUOTED = re.compile(r"[^!-~]")


class Connection:
    """A way to the API: its URL, headers and time limits, and the transports that reach it."""

    def __init__(self, url: str, app: Any = None, *, key: str | None = None, timeout: float = 30.0) -> None:
        self.url, self.app = url.rstrip("/"), app
        self.identity = self.url if app is None else app.identity
        self._parts = urlsplit(self.url)
        self._limits = min(CONNECT_SECONDS, timeout), timeout
        self._headers = [("user-agent", "orion-sdk"), ("accept", "application/json")]
        if key:
            self._headers.append(("authorization", f"Bearer {key}"))
        self._with_body = [*self._headers, ("content-type", "application/json")]

    @property
    def is_local(self) -> bool:
        """Whether the API runs in this process."""
        return self.app is not None

    def message(self, request: Request) -> Message:
        """A request of the API as it goes over the wire."""
        headers = self._headers if request.body is None else self._with_body
        if request.headers:
            headers = [*headers, *request.headers]
        target = self._parts.path + request.path
        if UNQUOTED.search(target):
            target = quote(target, safe="%/?#:@!$&'()*+,;=[]~")
        return Message(request.method, target, headers, request.body or b"")

    def transport(self) -> Transport:
        if self.app is not None:
            from orion.sdk.ephemeral import LocalTransport

            return LocalTransport(self.app)
        return SocketTransport(self._place()) if is_plain(self._parts) else self.any_transport()

    def async_transport(self) -> AsyncTransport:
        if self.app is not None:
            from orion.sdk.ephemeral import AsyncLocalTransport

            return AsyncLocalTransport(self.app)
        return StreamTransport(self._place()) if is_plain(self._parts) else self.any_async_transport()

    def any_transport(self) -> Transport:
        """One that reaches every server, and follows where it points."""
        from orion.sdk.http import HttpxTransport

        return HttpxTransport(self._root(), *self._limits)

    def any_async_transport(self) -> AsyncTransport:
        from orion.sdk.http import AsyncHttpxTransport

        return AsyncHttpxTransport(self._root(), *self._limits)

    def _root(self) -> str:
        return f"{self._parts.scheme}://{self._parts.netloc}"

    def _place(self) -> Place:
        host = self._parts.hostname or ""
        return Place(host, self._parts.port or 80, self._parts.netloc, *self._limits)


def check_url(url: str) -> None:
    """Refuse what can never be reached, instead of trying it for ten seconds."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingError(f"ORION_API_URL is {url!r}, which is no URL: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", parts.netloc):
        raise SettingError(f"ORION_API_URL is {url!r}; it must be like http://127.0.0.1:4200/api.")


def is_plain(url: SplitResult) -> bool:
    """Whether a server is reached by plain http, without a proxy, a login or a foreign letter in its address."""
    plain = url.scheme == "http" and "@" not in url.netloc and url.netloc.isascii()
    return plain and not proxy_for(url.hostname or "")


def proxy_for(host: str) -> str | None:
    """The proxy that the surroundings name for plain http to a host."""
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None  # without asking the standard library, which imports its own HTTP client for this
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    found = proxies.get("http") or proxies.get("all")
    return None if not found or proxy_bypass(host) else found


def connect(settings: Settings | None = None) -> Connection:
    """The API of these settings: ORION_API_URL, else the server that owns the database, else one in this process."""
    from orion.sdk.prompt import tidy

    tidy()
    settings = settings or current()
    if settings.api_url:
        check_url(settings.api_url)
        return Connection(settings.api_url, key=settings.api_key, timeout=settings.api_request_timeout)
    from orion.sdk.ephemeral import mount

    found = mount(settings)
    if isinstance(found, str):
        return Connection(found, key=settings.api_key, timeout=settings.api_request_timeout)
    return Connection(LOCAL_URL, found, timeout=settings.api_request_timeout)
