"""The guard at the street door: who may come in, from where, and what every answer says to browsers."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.types import Scope

from orion.errors import BadRequest, Forbidden, LoginNeeded, OrionError, Unauthorized
from orion.web.call import below_root

if TYPE_CHECKING:
    from orion.settings import Settings

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
LOOPBACK_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))
OPEN_PATHS = frozenset(("/api/health", "/api/ready", "/api/hello"))
MINIMUM_API_VERSION = (0, 8, 0)
API_VERSION = "0.8.4"

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class MisdirectedRequest(OrionError):
    """This server does not answer to that host name; add it to ORION_ALLOWED_HOSTS."""

    status = 421


def is_loopback(host: str | None) -> bool:
    """Whether an address or name means this machine; a Unix socket has none and does."""
    return host is None or host.strip("[]") in LOOPBACK_NAMES or host.startswith(("127.", "/"))


@dataclass(frozen=True, slots=True)
class Guard:
    """What is decided once, when the app is built."""

    key: str | None
    hosts: frozenset[str]
    origins: frozenset[str]
    any_host: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a key: then only loopback is served."""
        return self.key is None

    def admit(self, scope: Scope, headers: dict[str, str]) -> None:
        """Let a request pass, or raise the error that says why not."""
        self._check_host(headers.get("host", ""))
        if self.is_open and not is_loopback((scope.get("server") or (None, None))[0]):
            raise Forbidden(
                "This server has no login and answers on loopback only; set ORION_ADMIN_KEY to open it."
            )
        if scope["type"] == "websocket":
            self._check_origin(headers)
            return
        if scope["method"] not in SAFE_METHODS:
            self._check_cross_site(headers)
        if not self.is_open and not _is_public(scope):
            self.check_key(headers.get("authorization", ""))

    def check_key(self, authorization: str) -> None:
        """Compare the key of a `Bearer` or `Basic` header (any user name, the key as password)."""
        sent = _key_of(authorization)
        if self.key is not None and not (sent and hmac.compare_digest(sent.encode(), self.key.encode())):
            challenge = {"WWW-Authenticate": 'Basic realm="orion", charset="UTF-8"'}
            raise Unauthorized("Send the key as `Authorization: Bearer <key>`.", headers=challenge)

    def _check_host(self, host: str) -> None:
        if not self.any_host and _name_of(host) not in self.hosts:
            raise MisdirectedRequest()

    def _check_cross_site(self, headers: dict[str, str]) -> None:
        if headers.get("origin") in self.origins:
            return  # of another site, and one that a setting names
        site = headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            raise Forbidden(f"A page of another site may not do this (Sec-Fetch-Site: {site}).")
        self._check_origin(headers)

    def _check_origin(self, headers: dict[str, str]) -> None:
        origin = headers.get("origin")
        if origin is None or origin in self.origins:
            return
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc != headers.get("host"):
            raise Forbidden(f"A page of another site may not do this (Origin: {origin}).")


def _is_public(scope: Scope) -> bool:
    """Health, and the files that the page which asks for the key is drawn with."""
    path = below_root(scope)
    return path in OPEN_PATHS or (path.startswith("/static/") and scope["method"] in SAFE_METHODS)


def _key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _name_of(host: str) -> str:
    """The host without its port, lower case: `[::1]:4200` is `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


@lru_cache(maxsize=64)
def check_api_version(version: str | None) -> None:
    """Refuse a wire version that is malformed or older than what is spoken here."""
    if version is None:
        return
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise BadRequest(f"Invalid X-PREFECT-API-VERSION header: expected x.y.z, got {version[:50]!r}.")
    if tuple(map(int, parts)) < MINIMUM_API_VERSION:
        least = ".".join(map(str, MINIMUM_API_VERSION))
        raise BadRequest(f"The client speaks API version {version}; this server needs at least {least}.")


def make_guard(settings: Settings) -> Guard:
    """The guard these settings ask for; `LoginNeeded` when they open the server to others without a key."""
    public = _public_hosts(settings)
    key = settings.admin_key or None
    platform = settings.sources.get("ORION_PORT") == "environment PORT"
    exposed = platform or not is_loopback(settings.host) or bool(public - LOOPBACK_NAMES)
    if exposed and key is None:
        raise LoginNeeded(
            "This server would be reachable from outside and has no login: set ORION_ADMIN_KEY, add an admin to the "
            "database, or bind it to 127.0.0.1 (ORION_HOST) without PORT, ORION_PUBLIC_URL and ORION_ALLOWED_HOSTS."
        )
    return Guard(
        key=key,
        hosts=frozenset(public | LOOPBACK_NAMES),
        origins=_public_origins(settings),
        any_host=key is not None and not public,
    )


def _public_hosts(settings: Settings) -> set[str]:
    named = set(words(settings.allowed_hosts))
    if settings.public_url:
        named.add(urlsplit(settings.public_url).hostname or "")
    return {_name_of(name) for name in named if name}


def _public_origins(settings: Settings) -> frozenset[str]:
    origins = set(words(settings.allowed_origins))
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        origins.add(f"{parts.scheme}://{parts.netloc}")
    return frozenset(origins)


def words(value: str | None) -> list[str]:
    """A comma list as a list."""
    return (value or "").replace(",", " ").split()
