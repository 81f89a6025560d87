"""A stand-in for the Docker Engine: its documented HTTP API on a unix socket, with processes for containers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

CHECKOUT = Path(__file__).parent.parent.parent
IMAGE_ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": "/nowhere"}


def refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status)


@dataclass
class Container:
    """A container: what it was asked to be, and a process once it has started."""

    id: str
    name: str
    body: dict[str, Any]
    process: asyncio.subprocess.Process | None = None
    output: list[bytes] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_with: float | None = None

    async def start(self) -> None:
        env = dict(pair.split("=", 1) for pair in self.body["Env"])
        env["ORION_API_URL"] = env["ORION_API_URL"].replace("host.docker.internal", "127.0.0.1")
        command = [sys.executable if word == "python" else word for word in self.body["Cmd"]]
        self.process = await asyncio.create_subprocess_exec(
            *command,
            env={**IMAGE_ENV, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process and self.process.stdout and self.process.stderr
        await asyncio.gather(self._pump(1, self.process.stdout), self._pump(2, self.process.stderr))
        await self.process.wait()
        self.ended.set()
        self.news.set()

    async def _pump(self, channel: int, stream: asyncio.StreamReader) -> None:
        while piece := await stream.read(4096):
            for line in piece.splitlines(keepends=True):  # so that there are as many however late it is read
                self.output.append(bytes([channel, 0, 0, 0]) + len(line).to_bytes(4) + line)
            self.news.set()

    async def follow(self) -> AsyncIterator[bytes]:
        seen = 0
        while True:
            self.news.clear()
            for frame in self.output[seen:]:
                seen += 1
                yield frame[:5]  # pieces never end where a frame does
                yield frame[5:]
            if self.ended.is_set() and seen == len(self.output):
                return
            await self.news.wait()


class Engine:
    """The API, what it holds, and the faults that a test asks for."""

    def __init__(self) -> None:
        self.images: set[str] = set()
        self.passwords: dict[str, str] = {}  # of registries that are pushed to, by host
        self.registry: dict[str, str | None] = {}  # what can be pulled, and the password it needs
        self.containers: dict[str, Container] = {}
        self.built: dict[str, str] = {}  # an image → the Dockerfile that it was built by
        self.pushed: dict[str, dict[str, str]] = {}  # an image → the account that it was pushed with
        self.connected: list[tuple[str, str]] = []
        self.calls: list[str] = []
        self.cut_logs = 0  # how many log streams break off
        self.failing: dict[str, tuple[int, str]] = {}  # the end of a path → what it answers
        self.memory_killed = False
        routes = [
            Route("/build", self.build, methods=["POST"]),
            Route("/images/{name:path}/push", self.push, methods=["POST"]),
            Route("/images/{name:path}/json", self.image),
            Route("/images/create", self.pull, methods=["POST"]),
            Route("/containers/create", self.create, methods=["POST"]),
            Route("/containers/{id}/start", self.start, methods=["POST"]),
            Route("/containers/{id}/json", self.inspect),
            Route("/containers/{id}/logs", self.logs),
            Route("/containers/{id}/wait", self.wait, methods=["POST"]),
            Route("/containers/{id}/stop", self.stop, methods=["POST"]),
            Route("/containers/{id}/kill", self.kill, methods=["POST"]),
            Route("/containers/{id}", self.remove, methods=["DELETE"]),
            Route("/networks/{name}/connect", self.connect, methods=["POST"]),
        ]
        self.app = Starlette(routes=[Route("/_ping", self.ping), Mount("/v1.44", routes=routes)])

    def the(self, request: Request) -> Container | None:
        return self.containers.get(request.path_params["id"])

    def only(self) -> Container:
        [found] = self.containers.values()
        return found

    def kill_all(self) -> None:
        """End what still runs, so that nothing is left when the stand-in stops."""
        for container in self.containers.values():
            if container.process and not container.ended.is_set():
                with contextlib.suppress(ProcessLookupError):
                    container.process.kill()

    async def ping(self, request: Request) -> Response:
        return PlainTextResponse("OK", headers={"Api-Version": "1.44"})

    async def build(self, request: Request) -> Response:
        """Of a Dockerfile it does what follows `COPY .`: what was sent is then at that place."""
        image, name = request.query_params["t"], request.query_params["dockerfile"]
        self.calls.append(f"build {image} {request.query_params.get('platform', '')}".rstrip())
        with tarfile.open(fileobj=io.BytesIO(await request.body())) as tar:
            dockerfile = tar.extractfile(name).read().decode()  # type: ignore[union-attr]
            [place] = re.findall(r"^COPY \. (.+)$", dockerfile, re.M)
            tar.extractall(place, filter="data")
        lines: list[dict[str, Any]] = [
            {"stream": f"Step : {step}\n"} for step in dockerfile.splitlines()
        ]
        if "build" in self.failing:
            why = self.failing["build"][1]
            lines.append({"errorDetail": {"message": why}, "error": why})
        else:
            self.images.add(image)
            self.built[image] = dockerfile
            lines += [{"aux": {"ID": "sha256:1"}}, {"stream": f"Successfully tagged {image}\n"}]
        return PlainTextResponse("\r\n".join(json.dumps(line) for line in lines))

    async def push(self, request: Request) -> Response:
        image = f"{request.path_params['name']}:{request.query_params['tag']}"
        account = json.loads(base64.urlsafe_b64decode(request.headers["X-Registry-Auth"]))
        lines: list[dict[str, Any]] = [{"status": f"The push refers to repository [{image}]"}]
        if self.passwords.get(image.partition("/")[0]) in (None, account.get("password")):
            self.pushed[image] = account
        else:
            lines.append({"errorDetail": {"message": "denied"}, "error": "denied: access is not allowed"})
        return PlainTextResponse("\r\n".join(json.dumps(line) for line in lines))

    async def image(self, request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse({"Id": name}) if name in self.images else refusal(404, f"No such image: {name}")

    async def pull(self, request: Request) -> Response:
        image = f"{request.query_params['fromImage']}:{request.query_params['tag']}"
        self.calls.append(f"pull {image}")
        if image not in self.registry:
            return refusal(404, f"pull access denied for {image}, repository does not exist")
        account = json.loads(base64.urlsafe_b64decode(request.headers.get("X-Registry-Auth", "e30=")))
        lines: list[dict[str, Any]] = [{"status": f"Pulling from {image}"}]
        if self.registry[image] in (None, account.get("password")):
            self.images.add(image)
            lines.append({"status": "Download complete"})
        else:
            lines.append(
                {"errorDetail": {"message": "unauthorized"}, "error": "unauthorized: wrong password"}
            )
        return PlainTextResponse("\r\n".join(json.dumps(line) for line in lines))

    async def create(self, request: Request) -> Response:
        body, name = await request.json(), request.query_params["name"]
        self.calls.append(f"create {name}")
        if "create" in self.failing:
            return refusal(*self.failing["create"])
        if body["Image"] not in self.images:
            return refusal(404, f"No such image: {body['Image']}")
        for other in self.containers.values():
            if other.name == name:
                return refusal(
                    409, f'Conflict. The container name "/{name}" is already in use by "{other.id}".'
                )
        made = Container(f"{len(self.containers):064x}", name, body)
        self.containers[made.id] = made
        return JSONResponse({"Id": made.id, "Warnings": []}, 201)

    async def start(self, request: Request) -> Response:
        if "start" in self.failing:
            return refusal(*self.failing["start"])
        if not (container := self.the(request)):
            return refusal(404, "No such container")
        await container.start()
        return Response(status_code=204)

    async def inspect(self, request: Request) -> Response:
        if not (container := self.the(request)):
            return refusal(404, "No such container")
        running = container.process is not None and not container.ended.is_set()
        code = container.process.returncode if container.process else 0
        state = {
            "Status": "running" if running else "exited" if container.process else "created",
            "Running": running,
            "OOMKilled": self.memory_killed,
            "ExitCode": 0 if running or code is None else code if code >= 0 else 128 - code,
            "Error": "",
        }
        return JSONResponse({"Id": container.id, "State": state, "Config": {"Env": container.body["Env"]}})

    async def logs(self, request: Request) -> Response:
        if not (container := self.the(request)):
            return refusal(404, "No such container")
        self.calls.append("logs")
        if "logs" in self.failing:
            return refusal(*self.failing["logs"])
        return StreamingResponse(self._pieces(container), media_type="application/vnd.docker.raw-stream")

    async def _pieces(self, container: Container) -> AsyncIterator[bytes]:
        cut, self.cut_logs = self.cut_logs > 0, max(0, self.cut_logs - 1)
        count = 0
        async for piece in container.follow():
            count += 1
            yield piece
            if cut and count == 3:  # in the middle of the second frame
                raise ConnectionResetError("the stand-in cuts the stream")

    async def wait(self, request: Request) -> Response:
        if not (container := self.the(request)):
            return refusal(404, "No such container")
        await container.ended.wait()
        assert container.process
        return JSONResponse({"StatusCode": container.process.returncode})

    async def stop(self, request: Request) -> Response:
        if not (container := self.the(request)) or not container.process:
            return refusal(404, "No such container")
        container.stopped_with = float(request.query_params["t"])
        if container.ended.is_set():
            return Response(status_code=304)
        container.process.terminate()
        try:
            await asyncio.wait_for(container.ended.wait(), container.stopped_with)
        except TimeoutError:
            container.process.kill()
            await container.ended.wait()
        return Response(status_code=204)

    async def kill(self, request: Request) -> Response:
        if not (container := self.the(request)) or not container.process:
            return refusal(404, "No such container")
        container.process.kill()
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        if not (container := self.the(request)):
            return refusal(404, "No such container")
        if container.process and not container.ended.is_set():
            if request.query_params.get("force") != "1":
                return refusal(409, "You cannot remove a running container")
            container.process.kill()
        del self.containers[container.id]
        self.calls.append("remove")
        return Response(status_code=204)

    async def connect(self, request: Request) -> Response:
        self.connected.append((request.path_params["name"], (await request.json())["Container"]))
        return Response(status_code=200)
