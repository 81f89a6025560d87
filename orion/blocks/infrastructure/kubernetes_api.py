"""The Kubernetes API: requests, refusals in words, and watches that outlive their connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.cluster import Cluster, find_cluster

WATCH_SECONDS = 240  # how long the server keeps one watch open
AGAIN_SECONDS = (0.1, 5.0)
BUSY_TRIES = 5


class KubernetesRefusal(InfrastructureError):
    """The cluster refused a request."""

    def __init__(self, status: int, message: str) -> None:
        self.code = status
        hint = {
            401: "; the token or certificate of the agent is not known to the cluster",
            403: "; the agent's account lacks the right: apply what `orion kubernetes manifest orion` prints",
        }
        super().__init__(f"Kubernetes: {message} ({status}){hint.get(status, '')}")


class KubernetesAway(InfrastructureError):
    """The Kubernetes API cannot be reached."""


class KubernetesApi:
    """Requests to one cluster."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or find_cluster()
        auth = httpx.BasicAuth(*self.cluster.password) if self.cluster.password else None
        self.http = httpx.AsyncClient(
            base_url=self.cluster.url, verify=self.cluster.verify, auth=auth, timeout=30
        )

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """One request and its JSON; a busy cluster (429) is asked again when it says so."""
        try:
            for tries in range(1, BUSY_TRIES + 1):
                answer = await self.http.request(method, path, **await self._login(), **options)
                renewed = answer.status_code == 401 and tries == 1 and self.cluster.forget()
                if answer.status_code == 429 and tries < BUSY_TRIES:
                    await asyncio.sleep(_seconds(answer.headers.get("Retry-After")))
                elif not renewed:
                    break
        except httpx.TransportError as error:
            raise self._away(error) from None
        if answer.is_error:
            raise _refusal(answer)
        return answer.json()

    async def stream(self, path: str, params: dict[str, str]) -> AsyncIterator[bytes]:
        """The pieces of an answer as they come; `KubernetesAway` when it breaks off."""
        timeout = httpx.Timeout(30, read=WATCH_SECONDS + 30)
        try:
            options = {"params": params, "timeout": timeout, **await self._login()}
            async with self.http.stream("GET", path, **options) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _refusal(answer)
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except httpx.TransportError as error:
            raise self._away(error) from None

    async def follow(self, path: str, params: dict[str, str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """All objects of a list, then each change to them, without end: (ADDED, MODIFIED or DELETED, object).

        A watch that ends goes on at its resource version; where that is too old (410) the list is read anew.
        """
        failures, version = 0, ""
        while True:
            try:
                if not version:
                    listed = await self.call("GET", path, params=params)
                    version = listed["metadata"]["resourceVersion"]
                    yield "LISTED", listed
                async for event in self._watch(path, params, version):
                    failures = 0
                    if event["type"] == "ERROR":
                        raise KubernetesRefusal(event["object"].get("code", 500), str(event["object"]))
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event["type"], event["object"]
            except KubernetesAway:
                failures += 1
            except KubernetesRefusal as error:
                renewed = error.code == 401 and not failures and self.cluster.forget()
                if error.code not in (410, 429) and error.code < 500 and not renewed:
                    raise
                version, failures = "", failures + 1
            await asyncio.sleep(min(AGAIN_SECONDS[0] * 2 ** min(failures, 10), AGAIN_SECONDS[1]))

    async def _watch(self, path: str, params: dict[str, str], version: str) -> AsyncIterator[dict[str, Any]]:
        asked = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        rest = b""
        async for chunk in self.stream(path, {**params, **asked, "timeoutSeconds": str(WATCH_SECONDS)}):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)

    async def _login(self) -> dict[str, Any]:
        """Options of a request; a login may read a file or run a program, so it has a thread."""
        token = await asyncio.to_thread(self.cluster.token)
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        name = self.cluster.server_name
        return {"headers": headers, "extensions": {"sni_hostname": name} if name else {}}

    def _away(self, error: Exception) -> KubernetesAway:
        return KubernetesAway(
            f"The Kubernetes API at {self.cluster.url} does not answer ({type(error).__name__} {error})."
        )


def _seconds(text: str | None) -> float:
    """How long a busy cluster wants to be left alone."""
    return min(float(text), 10.0) if text and text.isdecimal() else 1.0


def _refusal(answer: httpx.Response) -> KubernetesRefusal:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text[:300] or answer.reason_phrase
    return KubernetesRefusal(answer.status_code, message)
