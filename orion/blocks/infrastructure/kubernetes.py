"""Runs as jobs of a Kubernetes cluster: create, watch the pod, pass its log on, delete."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orion.blocks.infrastructure import Exit, InfrastructureError, NotBegun, Tell, Write
from orion.blocks.infrastructure.job_manifest import job_manifest
from orion.blocks.infrastructure.kubernetes_api import KubernetesApi, KubernetesAway, KubernetesRefusal
from orion.blocks.infrastructure.kubernetes_job import KubernetesJob
from orion.blocks.infrastructure.output import Output
from orion.blocks.infrastructure.pods import NEVER_STARTS, USUAL, has_begun, is_over, pod_exit, waits_for

log = logging.getLogger("orion.agent")

AGAIN_SECONDS = 0.5


class Kubernetes:
    """The jobs of one deployment's runs. A handle is `namespace/name`."""

    def __init__(self, values: Mapping[str, Any], api: KubernetesApi | None = None) -> None:
        self.block = KubernetesJob.from_values(values)
        config = self.block.cluster_config
        self.api = api or KubernetesApi(config.cluster() if config else None)
        self.killed = False
        self.tell: Tell = log.log

    async def start(self, run: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]) -> str:
        """Create the job; the cluster gives it a name of its own."""
        manifest = job_manifest(self.block, run, command, env)
        namespace = manifest["metadata"]["namespace"]
        made = await self.api.call("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", json=manifest)
        return f"{namespace}/{made['metadata']['name']}"

    async def environment(self, handle: str) -> dict[str, str]:
        """The environment of a job that is not over."""
        try:
            job = await self.api.call("GET", _job_path(handle))
        except KubernetesRefusal:
            return {}
        ended = {"Complete", "Failed"} & {
            condition["type"] for condition in job.get("status", {}).get("conditions") or []
        }
        items = job["spec"]["template"]["spec"]["containers"][0].get("env") or []
        return {} if ended else {item["name"]: item["value"] for item in items if "value" in item}

    async def watch(self, handle: str, write: Write, *, old: bool = False) -> Exit:
        """Follow the job's pod to its end; one that does not begin in time is given up and deleted."""
        reading: asyncio.Task[None] | None = None
        pods = self._pods(handle)
        try:
            async for pod in self._begun_in_time(handle, pods):
                if pod is None:
                    return Exit(None, "its pod was deleted" if self.killed else "somebody deleted the job's pod")
                if reading is None and self.block.stream_output and has_begun(pod):
                    reading = asyncio.create_task(self._read(handle, pod["metadata"]["name"], write, old))
                if is_over(pod):
                    if reading:
                        await asyncio.wait({reading}, timeout=10)
                    return pod_exit(pod)
            return Exit(None, "the watch ended")
        except KubernetesRefusal as error:
            raise InfrastructureError(error.message) from None
        finally:
            if reading:
                reading.cancel()
            await pods.aclose()

    async def kill(self, handle: str, grace: float) -> None:
        """Delete the job with its pods, which get the grace."""
        self.killed = True
        namespace, _, name = handle.partition("/")
        seconds = max(1, round(grace))
        pods = f"/api/v1/namespaces/{namespace}/pods"
        with contextlib.suppress(KubernetesRefusal):  # the right to delete pods is a nicety
            listed = await self.api.call("GET", pods, params={"labelSelector": f"job-name={name}"})
            for pod in listed["items"]:
                options = {"gracePeriodSeconds": seconds}
                await self.api.call("DELETE", f"{pods}/{pod['metadata']['name']}", params=options)
        try:
            await self.api.call("DELETE", _job_path(handle), params={"propagationPolicy": "Background"})
        except KubernetesRefusal as error:
            if error.code != 404:
                raise

    async def close(self) -> None:
        """Let go of the connections."""
        await self.api.http.aclose()

    async def _pods(self, handle: str) -> AsyncGenerator[dict[str, Any] | None]:
        """Each state of the job's pod; None when it is gone."""
        namespace, _, name = handle.partition("/")
        params, known = {"labelSelector": f"job-name={name}"}, False
        async for kind, found in self.api.follow(f"/api/v1/namespaces/{namespace}/pods", params):
            if kind == "LISTED":
                if known and not found["items"]:
                    yield None
                for pod in found["items"]:
                    known = True
                    yield pod
            else:
                known = True
                yield None if kind == "DELETED" and not is_over(found) else found

    async def _begun_in_time(
        self, handle: str, pods: AsyncGenerator[dict[str, Any] | None]
    ) -> AsyncGenerator[dict[str, Any] | None]:
        """The states of the pod; raises when there is none in time, or when its container does not begin in time."""
        clock = asyncio.get_running_loop().time
        limit: float | None = clock() + self.block.job_watch_timeout_seconds
        last: dict[str, Any] | None = None
        while True:
            try:
                async with asyncio.timeout_at(limit):
                    pod = await anext(pods)
            except TimeoutError:
                raise NotBegun(await self._give_up(handle, last)) from None
            self._tell(handle, pod, last)
            if pod and waits_for(pod)[0] in NEVER_STARTS:
                raise NotBegun(await self._give_up(handle, pod))
            if pod and last is None:
                limit = clock() + self.block.pod_watch_timeout_seconds
            if pod is None or has_begun(pod):
                limit = None
            last = pod
            yield pod

    def _tell(self, handle: str, pod: dict[str, Any] | None, last: dict[str, Any] | None) -> None:
        """What a pod waits for beside the usual, each reason once; and that it does no more."""
        (reason, message), was = waits_for(pod or {}), waits_for(last or {})[0]
        if reason == was or reason in NEVER_STARTS:
            return
        if reason not in USUAL:
            self.tell(logging.WARNING, f"The pod of job {handle} waits: {reason}: {message}")
        elif was not in USUAL and pod and not has_begun(pod):
            self.tell(logging.INFO, f"The pod of job {handle} goes on: {reason or 'it is pending'}")

    async def _give_up(self, handle: str, pod: dict[str, Any] | None) -> str:
        """Delete a job that does not begin, and say why it did not."""
        told = "" if pod else await self._events(handle)
        with contextlib.suppress(InfrastructureError):
            await self.kill(handle, 1)
        if pod is None:
            seconds = self.block.job_watch_timeout_seconds
            return (
                f"the job {handle} had no pod after {seconds:g} s (job_watch_timeout_seconds). {told}".strip()
            )
        reason, message = waits_for(pod)
        if reason in NEVER_STARTS:
            return f"the pod of job {handle} cannot start: {reason}: {message}"
        seconds = self.block.pod_watch_timeout_seconds
        return (
            f"the pod of job {handle} did not run within {seconds:g} s (pod_watch_timeout_seconds): "
            f"{reason or 'it is pending'} {message}".strip()
        )

    async def _events(self, handle: str) -> str:
        """What the cluster says of a job: a quota that is used up, a service account that is missing."""
        namespace, _, name = handle.partition("/")
        params = {"fieldSelector": f"involvedObject.name={name},type=Warning"}
        try:
            found = await self.api.call("GET", f"/api/v1/namespaces/{namespace}/events", params=params)
        except InfrastructureError:
            return ""
        return " ".join(sorted({f"{item['reason']}: {item['message']}" for item in found["items"]}))

    async def _read(self, handle: str, pod: str, write: Write, old: bool) -> None:
        """Pass the log on, over broken connections, until the pod has ended."""
        path = f"/api/v1/namespaces/{handle.partition('/')[0]}/pods/{pod}"
        output, params = Output(write), {"follow": "true"}
        if old:
            params["sinceTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        while True:
            output.rewind()
            try:
                async for piece in self.api.stream(f"{path}/log", params):
                    output.take(piece)
                if is_over(await self.api.call("GET", path)):
                    return
            except KubernetesRefusal as error:
                if error.code in (401, 403, 404):
                    return write(f"The output cannot be read: {error.message}\n".encode())
            except KubernetesAway:
                pass
            await asyncio.sleep(AGAIN_SECONDS)


def _job_path(handle: str) -> str:
    namespace, _, name = handle.partition("/")
    return f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
