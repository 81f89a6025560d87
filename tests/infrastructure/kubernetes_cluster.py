"""A stand-in for a Kubernetes API server: its documented HTTP API, with a process for each job's pod."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

CHECKOUT = Path(__file__).parent.parent.parent
IMAGE_ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": "/nowhere"}
TOKEN = "let-me-in"
NAME = "api.cluster.example"  # the server's name, as pods know it


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    """A Status object, as the API answers errors."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


class Cluster:
    """The API, what it holds, and the faults that a test asks for."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.output: dict[str, bytes] = {}
        self.history: list[tuple[int, str, str]] = []  # version, kind, pod as it was then
        self.version, self.running, self.deleted = 100, set[asyncio.Task[None]](), list[tuple[str, str]]()
        self.news = asyncio.Condition()
        self.server_url = ""
        self.refused: dict[str, tuple[int, str, str]] = {}  # "POST jobs" → code, reason, message
        self.waiting: dict[str, str] | None = None  # why pods stay pending
        self.at_first: list[dict[str, Any]] = []  # what a pod's status says before that
        self.without_pods: dict[str, str] | None = None  # the event that tells why a job has no pod
        self.expired, self.cut_watches, self.cut_logs, self.watches = 0, 0, 0, 0
        self.shown = 0  # pods that were told to somebody
        self.told = 0  # the newest version that somebody knows
        self.busy = 0  # how many requests are told to come again
        self.memory_killed = False
        jobs, core = "/apis/batch/v1/namespaces/{namespace}/jobs", "/api/v1/namespaces/{namespace}"
        self.app = Starlette(
            routes=[
                Route(jobs, self.create_job, methods=["POST"]),
                Route(f"{jobs}/{{name}}", self.read_job, methods=["GET"]),
                Route(f"{jobs}/{{name}}", self.delete_job, methods=["DELETE"]),
                Route(f"{core}/pods", self.list_pods),
                Route(f"{core}/pods/{{name}}", self.read_pod, methods=["GET"]),
                Route(f"{core}/pods/{{name}}", self.delete_pod, methods=["DELETE"]),
                Route(f"{core}/pods/{{name}}/log", self.log),
                Route(f"{core}/events", self.events),
            ]
        )

    def kubeconfig(self, url: str) -> str:
        user = {"name": "agent", "user": {"token": TOKEN}}
        context = {"name": "here", "context": {"cluster": "one", "user": "agent"}}
        cluster = {"name": "one", "cluster": {"server": url}}
        return json.dumps(
            {"current-context": "here", "users": [user], "contexts": [context], "clusters": [cluster]}
        )

    def only(self) -> dict[str, Any]:
        [job] = self.jobs.values()
        return job

    def kill(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def refusal(self, request: Request, what: str) -> JSONResponse | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return JSONResponse(status(401, "Unauthorized", "Unauthorized"), 401)
        if self.busy:
            self.busy -= 1
            body = status(429, "TooManyRequests", "the server has received too many requests")
            return JSONResponse(body, 429, {"Retry-After": "0"})
        found = self.refused.get(f"{request.method} {what}")
        return JSONResponse(status(*found), found[0]) if found else None

    async def create_job(self, request: Request) -> Response:
        if refusal := self.refusal(request, "jobs"):
            return refusal
        job = await request.json()
        name = f"{job['metadata'].pop('generateName')}{len(self.jobs):05x}"
        job["metadata"]["name"] = name
        self.jobs[name] = job
        if not self.without_pods:
            task = asyncio.create_task(self._run(name, job["spec"]["template"]))
            self.running.add(task)
        return JSONResponse(job, 201)

    async def _run(self, job: str, template: dict[str, Any]) -> None:
        """The life of a pod."""
        name = f"{job}-pod"
        labels = {**template["metadata"]["labels"], "job-name": job}
        pod = {"metadata": {"name": name, "labels": labels}, "spec": template["spec"]}
        self.pods[name] = pod
        stays: list[dict[str, Any]] = [{"containerStatuses": [{"state": {"waiting": self.waiting}}]}]
        first, *others = [*self.at_first, *(stays if self.waiting else [])] or [{}]
        await self._change(name, "ADDED", {"phase": "Pending", **first})
        for status in others:
            await self._until_told(self.version)
            await self._change(name, "MODIFIED", {"phase": "Pending", **status})
        if self.waiting:
            return
        container = template["spec"]["containers"][0]
        env = {item["name"]: item["value"] for item in container["env"]}
        env["ORION_API_URL"] = self.server_url or env["ORION_API_URL"]
        self.processes[name] = process = await asyncio.create_subprocess_exec(
            *[sys.executable if word == "python" else word for word in container["command"]],
            env={**IMAGE_ENV, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.output[name] = b""
        await self._change(name, "MODIFIED", {"phase": "Running"})
        assert process.stdout
        while piece := await process.stdout.read(4096):
            self.output[name] += piece
            await self._tell()
        code = await process.wait()
        reason = "OOMKilled" if self.memory_killed else "Completed" if code == 0 else "Error"
        ended = {"exitCode": code if code >= 0 else 128 - code, "reason": reason}
        phase = "Failed" if code else "Succeeded"
        if name in self.pods:
            await self._change(
                name, "MODIFIED", {"phase": phase, "containerStatuses": [{"state": {"terminated": ended}}]}
            )

    async def _change(self, name: str, kind: str, new: dict[str, Any] | None = None) -> None:
        self.version += 1
        pod = self.pods[name]
        pod["status"] = new or pod["status"]
        pod["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            del self.pods[name]
        self.history.append((self.version, kind, json.dumps(pod)))
        await self._tell()

    async def _until_told(self, version: int) -> None:
        async with self.news:
            await self.news.wait_for(lambda: self.told >= version)

    async def _was_told(self, version: int) -> None:
        self.told = max(self.told, version)
        await self._tell()

    async def _tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def read_job(self, request: Request) -> Response:
        found = self.jobs.get(request.path_params["name"])
        return JSONResponse(found) if found else self._missing("jobs.batch", request)

    async def delete_job(self, request: Request) -> Response:
        if refusal := self.refusal(request, "jobs"):
            return refusal
        name = request.path_params["name"]
        if not self.jobs.pop(name, None):
            return self._missing("jobs.batch", request)
        self.deleted.append(("job", request.query_params.get("propagationPolicy", "")))
        return JSONResponse({"kind": "Status", "status": "Success"})

    def _missing(self, kind: str, request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse(status(404, "NotFound", f'{kind} "{name}" not found'), 404)

    async def list_pods(self, request: Request) -> Response:
        if refusal := self.refusal(request, "pods"):
            return refusal
        job = request.query_params["labelSelector"].removeprefix("job-name=")
        if request.query_params.get("watch"):
            return StreamingResponse(self._watch(job, int(request.query_params["resourceVersion"])))
        items = [pod for pod in self.pods.values() if pod["metadata"]["labels"]["job-name"] == job]
        self.shown += len(items)
        body = {"kind": "PodList", "metadata": {"resourceVersion": str(self.version)}, "items": items}
        answer = JSONResponse(body)
        if items:
            await self._was_told(self.version)
        return answer

    async def _watch(self, job: str, version: int) -> AsyncIterator[bytes]:
        self.watches += 1
        if self.expired:
            self.expired -= 1
            gone = status(410, "Expired", f"too old resource version: {version}")
            yield json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n"
            return
        if self.cut_watches:
            self.cut_watches -= 1
            yield b'{"type": "MOD'
            raise ConnectionResetError("the stand-in cuts the watch")
        while True:
            for number, kind, text in self.history[:]:
                if number <= version:
                    continue
                version, pod = number, json.loads(text)
                if pod["metadata"]["labels"]["job-name"] == job:
                    line = json.dumps({"type": kind, "object": pod}).encode() + b"\n"
                    yield line[:20]
                    yield line[20:]
                    self.shown += 1
                    await self._was_told(version)
            async with self.news:
                if not [True for number, _, _ in self.history if number > version]:
                    await self.news.wait()

    async def read_pod(self, request: Request) -> Response:
        found = self.pods.get(request.path_params["name"])
        return JSONResponse(found) if found else self._missing("pods", request)

    async def delete_pod(self, request: Request) -> Response:
        if refusal := self.refusal(request, "pods"):
            return refusal
        name = request.path_params["name"]
        if name not in self.pods:
            return self._missing("pods", request)
        self.deleted.append(("pod", request.query_params["gracePeriodSeconds"]))
        if name in self.processes:
            self.processes[name].terminate()
        await self._change(name, "DELETED")
        return JSONResponse({"kind": "Status", "status": "Success"})

    async def log(self, request: Request) -> Response:
        if refusal := self.refusal(request, "log"):
            return refusal
        return StreamingResponse(self._log(request.path_params["name"]), media_type="text/plain")

    async def _log(self, name: str) -> AsyncIterator[bytes]:
        sent = 0
        while True:
            if piece := self.output[name][sent:]:
                sent += len(piece)
                yield piece
            if self.cut_logs and sent:
                self.cut_logs -= 1
                raise ConnectionResetError("the stand-in cuts the log")
            async with self.news:
                if sent == len(self.output[name]):
                    if name not in self.pods or self.pods[name]["status"]["phase"] != "Running":
                        return
                    await self.news.wait()

    async def events(self, request: Request) -> Response:
        return JSONResponse({"kind": "EventList", "items": [self.without_pods] if self.without_pods else []})
