"""The Docker Engine's HTTP API, over its socket or the address in DOCKER_HOST."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.certificates import trust_in

SOCKET = "unix:///var/run/docker.sock"
HEADER = 8  # bytes before each piece of output: which stream, three zeros, length


class DockerRefusal(InfrastructureError):
    """The Docker Engine refused a request."""

    def __init__(self, status: int, message: str) -> None:
        self.code = status
        super().__init__(f"Docker: {message} ({status})")


class DockerAway(InfrastructureError):
    """The Docker Engine cannot be reached."""


class DockerApi:
    """Requests in the newest version of the API that the engine speaks."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.host = environ.get("DOCKER_HOST") or SOCKET
        self.http = _client(self.host, environ)
        self.version = ""

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request and its whole answer."""
        await self._find_version()
        try:
            answer = await self.http.request(method, self.version + path, **options)
        except httpx.TransportError as error:
            raise self._away(error) from None
        if answer.is_error:
            raise _refusal(answer)
        return answer

    async def stream(self, method: str, path: str, **options: Any) -> AsyncIterator[bytes]:
        """The pieces of an answer as they come; `DockerAway` when it breaks off."""
        await self._find_version()
        try:
            async with self.http.stream(method, self.version + path, timeout=None, **options) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _refusal(answer)
                async for chunk in answer.aiter_raw():
                    yield chunk
        except httpx.TransportError as error:
            raise self._away(error) from None

    async def _find_version(self) -> None:
        if self.version:
            return
        try:
            answer = await self.http.get("/_ping")
        except httpx.TransportError as error:
            raise self._away(error) from None
        if answer.is_error:
            raise _refusal(answer)
        self.version = f"/v{answer.headers['Api-Version']}" if "Api-Version" in answer.headers else ""

    def _away(self, error: Exception) -> DockerAway:
        return DockerAway(
            f"The Docker Engine at {self.host} does not answer ({type(error).__name__} {error}): "
            "is it running, may the agent's user open its socket, is DOCKER_HOST right?"
        )


async def frames(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The output in a multiplexed stream, both channels in the order in which they came."""
    rest = b""
    async for chunk in chunks:
        rest += chunk
        while len(rest) >= HEADER and len(rest) >= (end := HEADER + int.from_bytes(rest[4:HEADER])):
            yield rest[HEADER:end]
            rest = rest[end:]


def _client(host: str, environ: Mapping[str, str]) -> httpx.AsyncClient:
    kind, _, rest = host.partition("://")
    if kind == "unix":
        transport = httpx.AsyncHTTPTransport(uds=rest)
        return httpx.AsyncClient(transport=transport, base_url="http://docker", timeout=60)
    if kind in ("tcp", "http", "https"):
        secured = kind == "https" or bool(environ.get("DOCKER_TLS_VERIFY"))
        verify = _certificates(environ) if secured else True
        return httpx.AsyncClient(
            verify=verify, base_url=f"{'https' if secured else 'http'}://{rest}", timeout=60, trust_env=False
        )
    raise InfrastructureError(f"DOCKER_HOST={host} is not supported: use unix://, tcp:// or https://.")


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    folder = Path(environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    try:
        context = trust_in(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except OSError as error:
        raise InfrastructureError(
            f"DOCKER_TLS_VERIFY is set, but the certificates in {folder} (ca.pem, cert.pem, key.pem) "
            f"cannot be used: {error}"
        ) from None
    return context


def _refusal(answer: httpx.Response) -> DockerRefusal:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text[:300] or answer.reason_phrase
    return DockerRefusal(answer.status_code, message)
