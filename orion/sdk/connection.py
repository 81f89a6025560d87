"""Where the API is: at a URL, or in this process."""

from __future__ import annotations

from typing import Any

from orion.errors import SettingError
from orion.sdk.exchange import Request
from orion.sdk.http import httpx
from orion.sdk.sockets import SocketTransport, StreamTransport
from orion.settings import Settings, current

LOCAL_URL = "http://127.0.0.1/api"


class Connection:
    """A way to the API: its URL, headers and time limits, and the transports that reach it."""

    def __init__(self, url: str, app: Any = None, *, key: str | None = None, timeout: float = 30.0) -> None:
        self.url, self.app = url.rstrip("/"), app
        self.identity = self.url if app is None else app.identity
        self.headers = [("user-agent", "orion-sdk"), ("accept", "application/json")]
        if key:
            self.headers.append(("authorization", f"Bearer {key}"))
        self._with_body = [*self.headers, ("content-type", "application/json")]
        self._limits = {"timeout": httpx.Timeout(timeout, connect=min(10.0, timeout)).as_dict()}
        self._urls: dict[str, httpx.URL] = {}

    @property
    def is_local(self) -> bool:
        """Whether the API runs in this process."""
        return self.app is not None

    def request(self, request: Request) -> httpx.Request:
        """A request of the API as httpx sends it."""
        headers = self.headers if request.body is None else self._with_body
        if request.headers:
            headers = [*headers, *request.headers]
        url = self._url(request.path)
        return httpx.Request(
            request.method, url, headers=headers, content=request.body, extensions=self._limits
        )

    def _url(self, path: str) -> httpx.URL:
        """Parsed once for the paths that do not differ from run to run."""
        found = self._urls.get(path)
        if found is None:
            found = httpx.URL(self.url + path)
            if len(path) < 32:
                self._urls[path] = found
        return found

    def transport(self) -> httpx.BaseTransport | None:
        if self.app is not None:
            from orion.sdk.ephemeral import LocalTransport

            return LocalTransport(self.app)
        place = self._plain()
        return SocketTransport(*place) if place else None

    def async_transport(self) -> httpx.AsyncBaseTransport | None:
        if self.app is not None:
            from orion.sdk.ephemeral import AsyncLocalTransport

            return AsyncLocalTransport(self.app)
        place = self._plain()
        return StreamTransport(*place) if place else None

    def _plain(self) -> tuple[str, int] | None:
        """Host and port of a server that is reached by plain http, without a proxy."""
        url = httpx.URL(self.url)
        if url.scheme != "http" or proxy_for(url.host):
            return None
        return url.host, url.port or 80


def check_url(url: str) -> None:
    """Refuse what can never be reached, instead of trying it for ten seconds."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise SettingError(f"ORION_API_URL is {url!r}, which is no URL: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise SettingError(f"ORION_API_URL is {url!r}; it must be like http://127.0.0.1:4200/api.")


def proxy_for(host: str) -> str | None:
    """The proxy that the environment names for plain http to a host."""
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
