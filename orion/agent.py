"""The agent: asks work queues for runs that are due, starts a process for each, and reports how it ended.

One file that needs the standard library and httpx only: `python agent.py QUEUE` works without orion's server.
It keeps nothing on disk. Runs that outlive a killed agent beat for themselves; the next one adopts them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import glob
import heapq
import importlib.util
import itertools
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

log = logging.getLogger("orion.agent")

LEAD_SECONDS = 1.0  # a process is started this much early; the server lets none of them run before its time
BEAT_SECONDS = 5.0
STALE_SECONDS = 25.0  # a hand-out is ours for 30 s
STOP_SECONDS = 10.0  # the grace when the agent itself is stopped
REPORT_SECONDS = 4.0
RETRY_SECONDS = (0.25, 30.0)
MISSING_SECONDS = 5.0  # how often a queue is looked for that is not there
HEALTH_SECONDS = 300.0
NOT_STARTED = "The process could not be started"
SILENT_SECONDS = 90.0  # a poll is answered after 25 s at the latest
TAIL_BYTES = 64_000
PAGE = 200
KEPT_BYTES = 64_000_000
LEFT_SECONDS = 86_400.0  # an output that nobody has watched for so long is removed

ENVIRONMENT = """
    PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TERM PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX
    LD_LIBRARY_PATH DYLD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE HTTP_PROXY
    HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy
"""
ALONE = "the agent's file runs alone; containers and references in job variables need orion-server beside it"
NO_ORION = (
    f"{sys.executable} runs the agent's file alone: install orion-server there, or name a Python that has it "
    "by the job variable `command`: [/path/to/python, -m, orion.engine]"
)
SERVER_ONLY = ("ADMIN_KEY", "ENCRYPTION_KEY", "DATABASE", "CLOCK_URL")


@dataclass(frozen=True)
class Options:
    """What the command line and the environment say."""

    queues: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    api: str = "http://127.0.0.1:4200/api"
    key: str | None = None
    limit: int | None = None
    poll: float = 25.0  # how long one question to a queue waits for an answer
    prefetch: float = 10.0
    grace: float = 30.0
    once: bool = False
    until_idle: bool = False
    command: tuple[str, ...] = (sys.executable, "-m", "orion.engine")
    passed: tuple[str, ...] = ()
    memory_mb: int | None = None
    processes: int | None = None

    @property
    def queue_of_tags(self) -> str:
        """The queue that stands for the tags, made when it is not there."""
        return "Agent queue " + "-".join(sorted(self.tags)) if self.tags else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every queue that is known by name."""
        return (*self.queues, self.queue_of_tags) if self.tags else self.queues

    @property
    def drains(self) -> bool:
        """Whether the agent leaves when nothing is due."""
        return self.once or self.until_idle


class Unavailable(Exception):
    """The server cannot be reached, or not now."""


class Refusal(Exception):
    """The server said no: `status` is its HTTP status."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.by_orion = response.headers.get("content-type", "").startswith("application/json")
        super().__init__(
            f"{response.request.method} {response.request.url.path}: {self.status} {response.text[:300]}"
        )


class Api:
    """The server's API, with its clock: the agent's own may be wrong."""

    def __init__(self, options: Options) -> None:
        headers = {
            "User-Agent": "orion-agent",
            **({"Authorization": f"Bearer {options.key}"} if options.key else {}),
        }
        self.http = httpx.AsyncClient(
            base_url=options.api, headers=headers, timeout=30, follow_redirects=True
        )
        self.ahead = timedelta()
        self.answered, self.has_answered = time.monotonic(), False

    def now(self) -> datetime:
        """The time on the server's clock, to the second or so."""
        return datetime.now(UTC) + self.ahead

    async def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, wait: float = 0
    ) -> httpx.Response:
        """One request; raises `Unavailable` when it may work later and `Refusal` when it will not."""
        headers = {"Orion-Attempt": token} if token else {}
        asked = time.monotonic()
        try:
            answer = await self.http.request(method, path, json=body, headers=headers, timeout=wait + 30)
        except (httpx.HTTPError, OSError) as error:
            raise Unavailable(f"{type(error).__name__} {error}".strip()) from None
        self.answered, self.has_answered = time.monotonic(), True
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            raise Unavailable(f"the server answered {answer.status_code}{_reason(answer)}")
        if answer.is_error:
            raise Refusal(answer)
        if time.monotonic() - asked < 1:  # the date of a long poll may be that of its beginning
            self._set_clock(answer.headers.get("date"))
        return answer

    async def surely(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> httpx.Response:
        """The same, tried until the server answers: for what must not get lost, such as the end of a run."""
        failures = 0
        while True:
            try:
                return await self.call(method, path, body, token)
            except Unavailable:
                failures += 1
                await asyncio.sleep(pause(failures))

    def _set_clock(self, date: str | None) -> None:
        if date:
            ahead = parsedate_to_datetime(date) - datetime.now(UTC)
            self.ahead = ahead if abs(ahead) > timedelta(seconds=2) else timedelta()


def pause(failures: int, most: float = RETRY_SECONDS[1]) -> float:
    """How long to wait after so many failures: longer each time, with jitter, so that agents do not come in step."""
    return min(most, RETRY_SECONDS[0] * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)


class Slots:
    """So many runs at one time. Who waits gets one by the priority of its queue, the lowest first, then in turn."""

    def __init__(self, most: int | None) -> None:
        self.free = most or 10**6
        self.turns = itertools.count()
        self.waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def try_take(self) -> bool:
        """Take one if that needs no waiting."""
        if self.free < 1:
            return False
        self.free -= 1
        return True

    async def take(self, priority: int) -> None:
        """Take one, when it is our turn."""
        if self.try_take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.waiting, (priority, next(self.turns), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one have it."""
        while self.waiting:
            turn = heapq.heappop(self.waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1

    async def wait(self, priority: int) -> None:
        """Wait until there is one that nobody before us wants, and leave it there."""
        await self.take(priority)
        self.give_back()


@dataclass
class Child:
    """A flow process that this agent watches; `process` is None for an adopted one."""

    run_id: str
    name: str
    token: str | None
    pid: int
    folder: str
    process: asyncio.subprocess.Process | None = None
    read: int = 0
    tail: bytes = b""
    cancelled: bool = False
    killed_after: float = 0.0  # the grace, where it did not help
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ending: str = ""  # what there is to say of the end beside the exit code
    fault: str = "The flow process is gone"
    lock: int | None = None
    stays = False  # whether it lives on when the agent is stopped

    @property
    def output(self) -> str:
        return os.path.join(self.folder, "output.log")

    def hold(self) -> bool:
        """Be the one that watches it; False when another agent does. The hold goes with the agent, however it ends."""
        self.lock = _locked(self.output)
        return self.lock is not None

    def let_go(self) -> None:
        """Its end is reported: nothing of it stays."""
        if self.lock is not None:
            os.close(self.lock)
        shutil.rmtree(self.folder, ignore_errors=True)

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def wait(self) -> int | None:
        """Wait for the end; the exit code, negative for a signal, None when nobody can know it."""
        if self.process:
            return await self.process.wait()
        while _environment_of(self.pid).get("ORION__FLOW_RUN_ID") == self.run_id:
            await asyncio.sleep(0.5)
        return None

    def ending_with(self, code: int | None) -> str:
        """How it ended, in words."""
        if self.killed_after:
            return f"it did not end within {self.killed_after:g} s of SIGTERM and was killed by SIGKILL"
        return self.ending.rstrip(".") or _ending(code)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and end it after the grace."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.ended.wait(), grace)
        self.killed_after = 0.0 if self.ended.is_set() else grace
        self.signal(signal.SIGKILL)

    def pick_up(self) -> None:
        """Begin where the agent before stopped: what it has passed on is only kept for a crash."""
        with contextlib.suppress(OSError), open(self.output, "rb") as file:
            self.tail = file.read()[-TAIL_BYTES:]
            self.read = file.tell()

    def stream(self) -> None:
        """Pass new output on. It lies in a file, so that a flow can go on writing without its agent."""
        try:
            with open(self.output, "rb") as file:
                file.seek(self.read)
                while chunk := file.read(1 << 20):
                    self.read += len(chunk)
                    self.tail = (self.tail + chunk)[-TAIL_BYTES:]
                    sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            if self.read > KEPT_BYTES:
                os.truncate(self.output, 0)
                self.read = 0
        except OSError:
            return


@dataclass
class Remote(Child):
    """A run in a container, through an infrastructure of `orion.blocks.infrastructure`; it is no process of ours."""

    place: Any = None
    handle: str = ""
    begin: Coroutine[Any, Any, str] | None = None  # starts it; an adopted one has none
    stopping: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it is killed
    stays = True

    def signal(self, number: int) -> None:
        """Nobody here can be signalled: see `stop`."""

    async def wait(self) -> int | None:
        """Start it, unless that is done, and wait for its end."""
        from orion.blocks.infrastructure import NotBegun
        from orion.errors import OrionError

        starting = asyncio.ensure_future(self.begin) if self.begin else None
        try:
            while starting and not (starting.done() or self.cancelled):
                await asyncio.wait({starting}, timeout=0.2)
            if starting and not starting.done():
                starting.cancel()
                self.ending = "it was cancelled before it had started"
                return None
            self.handle = starting.result() if starting else self.handle
            end = await self.place.watch(self.handle, self.pass_on, old=starting is None)
        except (OrionError, httpx.HTTPError, OSError) as error:
            is_lost = self.handle and not isinstance(error, NotBegun)
            self.ending = f"it was lost: {error}" if is_lost else str(error)
            self.fault = self.fault if self.handle else NOT_STARTED
            return 1
        finally:
            if starting:
                starting.cancel()
            async with self.stopping:  # a watch may see the end before the kill has tidied up
                await self.place.close()
        self.ending = str(end)
        code: int | None = end.code
        return code

    async def stop(self, grace: float) -> None:
        """The infrastructure has its own way to wait and to kill; one that is away is asked again."""
        while self.handle and not self.ended.is_set():
            try:
                async with self.stopping:
                    return await self.place.kill(self.handle, grace)
            except Exception as error:
                log.warning("Run %r cannot be stopped yet: %s", self.name, error)
                await asyncio.sleep(BEAT_SECONDS)

    def stream(self) -> None:
        """Its output comes by `pass_on`."""

    def pass_on(self, chunk: bytes) -> None:
        self.tail = (self.tail + chunk)[-TAIL_BYTES:]
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()


class Agent:
    """Polls queues and keeps children; all it knows is what runs right now."""

    def __init__(self, options: Options, *, signals: bool = True) -> None:
        self.options, self.signals = options, signals
        self.api = Api(options)
        self.id, self.host = str(uuid.uuid4()), socket.gethostname()
        self.children: dict[str, Child] = {}
        self.taken: set[str] = set()
        self.said: dict[str, str] = {}
        self.polls: set[asyncio.Task[None]] = set()
        self.tasks: set[asyncio.Task[None]] = set()  # one for each run in hand
        self.slots = Slots(options.limit)
        self.polled: set[str] = set(options.names)  # queues, by name
        self.in_order = asyncio.Lock()
        self.freed = True  # whether a slot has come free since the queues were asked in their order
        self.stopping = asyncio.Event()
        self.finished, self.failed = 0, 0

    async def work(self) -> int:
        """Run until told to stop, or until nothing is due; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT) if self.signals else ():
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})  # who started it may have held them back
        try:
            if self.options.drains:
                return await self._drain()
            loops = [self._adopt(), self._report_health()]
            loops += [self._poll_by_name(name) for name in self.options.names]
            loops += [self._poll_by_prefix(prefix) for prefix in self.options.prefixes]
            for loop in loops:
                self._spawn(loop, self.polls)
            await self.stopping.wait()
            return 0
        finally:
            await self._stop_children()
            await self.api.http.aclose()

    # asking for runs

    async def _poll_by_name(self, name: str) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                await self._poll_once(await self._queue(name))
                failures = 0
            except (Unavailable, Refusal) as error:
                failures += 1
                self._say_once(name, _advice(name, error, self.options.api))
                await self._sleep(
                    pause(failures, MISSING_SECONDS if isinstance(error, Refusal) else RETRY_SECONDS[1])
                )

    async def _poll_by_prefix(self, prefix: str) -> None:
        known: set[str] = set()
        while not self.stopping.is_set():
            try:
                for name in await self._names(prefix):
                    if name not in known:
                        known.add(name)
                        self.polled.add(name)
                        self._spawn(self._poll_by_name(name), self.polls)
                self._is_well(prefix)
            except (Unavailable, Refusal) as error:
                self._say_once(prefix, _advice(prefix, error, self.options.api))
            await self._sleep(MISSING_SECONDS)

    def _say_once(self, about: str, message: str) -> None:
        """Say what is wrong with a queue, once for all that it is wrong with, and not again while it lasts."""
        if message not in self.said.values():
            log.warning("%s", message)
        self.said[about] = message

    def _is_well(self, about: str) -> None:
        """Say that what was wrong with a queue is over, once it is over for all."""
        message = self.said.pop(about, None)
        if message and message not in self.said.values():
            log.info("Runs are asked for again.")

    async def _poll_once(self, queue: dict[str, Any]) -> None:
        """Wait until there is room, then for what the queue hands out; what others have may come first."""
        await self.slots.wait(_priority(queue))
        if self.options.limit and len(self.polled) > 1:
            await self._ask_after_others()
        if self.slots.free > 0:
            await self._ask(queue, self.options.poll)

    async def _ask_after_others(self) -> None:
        """Once after a run has made room: ask every queue for what is due, before any is waited for."""
        async with self.in_order:
            if self.freed:
                queues = await self._queues_there()
                self.freed = False
                await self._ask_in_order(queues)

    async def _queues_there(self) -> list[dict[str, Any]]:
        found = []
        for name in [*self.polled]:
            with contextlib.suppress(Refusal):
                found.append(await self._queue(name))
        return found

    async def _ask_in_order(self, queues: list[dict[str, Any]]) -> int:
        """Take what is due, by the priorities of the queues and as far as there is room; the number of runs."""
        found = 0
        for queue in sorted(queues, key=_priority):
            if self.slots.free > 0:
                found += await self._ask(queue, 0)
        return found

    async def _ask(self, queue: dict[str, Any], wait: float) -> int:
        """Ask a queue once and take what it hands out; the number of runs."""
        asked = time.monotonic()
        body = {
            "limit": min(10, max(1, self.slots.free)),
            "agent_id": self.id,
            "agent_name": f"{self.host} {os.getpid()}",
            "wait_seconds": wait,
        }
        if not self.options.drains:  # else what is due now, by the server's own clock
            ahead = timedelta(seconds=min(self.options.prefetch, STALE_SECONDS - 5))
            body["scheduled_before"] = (self.api.now() + ahead).isoformat()
        runs = (await self.api.call("POST", f"/work_queues/{queue['id']}/get_runs", body, wait=wait)).json()
        if queue.get("is_paused"):
            self._say_once(queue["name"], f"Queue {queue['name']!r} is paused: it serves nothing.")
        else:
            self._is_well(queue["name"])
        for run in runs:
            has_slot = self._seconds_until(run) <= LEAD_SECONDS and self.slots.try_take()
            self._spawn(self._take(run, _priority(queue), has_slot), self.tasks)
        if not runs and wait and time.monotonic() - asked < 1:
            await self._sleep(random.uniform(1, 3))  # a server without long polls
        return len(runs)

    async def _queue(self, name: str) -> dict[str, Any]:
        path = f"/work_queues/{name}" if _is_uuid(name) else f"/work_queues/name/{quote(name, safe='')}"
        try:
            answer = await self.api.call("GET", path)
        except Refusal as error:
            if error.status != 404 or name != self.options.queue_of_tags:
                raise
            body = {"name": name, "filter": {"tags": sorted(self.options.tags)}}
            try:
                answer = await self.api.call("POST", "/work_queues/", body)
            except Refusal as taken:
                if taken.status != 409:
                    raise
                answer = await self.api.call("GET", path)  # another agent was first
        queue: dict[str, Any] = answer.json()
        return queue

    async def _names(self, prefix: str) -> list[str]:
        body = {"work_queues": {"name": {"startswith_": [prefix]}}}
        return [queue["name"] async for queue in self._pages("/work_queues/filter", body, self.api.call)]

    async def _drain(self) -> int:
        """Take what is due until nothing is; with `until_idle` also what became due meanwhile."""
        names = [*self.options.names]
        try:
            for prefix in self.options.prefixes:
                names += await self._names(prefix)
            while not self.stopping.is_set():
                queues = [await self._queue(name) for name in names]
                await self._until_told_to_stop(self.slots.wait(0))
                found = 0 if self.stopping.is_set() else await self._ask_in_order(queues)
                if not found and not (self.tasks and self.options.until_idle):
                    break
                if self.options.until_idle and self.tasks:
                    await self._until_told_to_stop(
                        asyncio.wait({*self.tasks}, return_when=asyncio.FIRST_COMPLETED)
                    )
        except Unavailable as error:
            log.error("The server at %s cannot be reached: %s", self.options.api, error)
            return 1
        except Refusal as error:
            log.error("%s", _advice(", ".join(names), error, self.options.api))
            return 1
        while self.tasks and not self.stopping.is_set():
            await asyncio.wait({*self.tasks}, timeout=0.5)
        return 1 if self.failed else 0

    # one run

    async def _take(self, run: dict[str, Any], priority: int, has_slot: bool) -> None:
        """Hold a run until it is nearly due and there is room for it, then see it to its end."""
        handed_out = time.monotonic()
        try:
            if run["id"] in self.taken:
                return
            self.taken.add(run["id"])
            try:
                if not has_slot:
                    await self._sleep(self._seconds_until(run) - LEAD_SECONDS)
                    await self.slots.take(priority)
                    has_slot = True
                if not self.stopping.is_set() and time.monotonic() - handed_out <= STALE_SECONDS:
                    await self._run(run)
            finally:
                self.taken.discard(run["id"])
        finally:
            if has_slot:
                self.freed = True
                self.slots.give_back()

    async def _run(self, run: dict[str, Any]) -> None:
        """Claim a run, start it, watch it."""
        try:
            token = await self._claim(run)
            if token is not None and self.stopping.is_set():
                await self._hand_back(run, token)
            elif token is not None and (child := await self._start(run, token)):
                await self._watch(child)
        except (Unavailable, Refusal) as error:
            log.warning("Run %r was not taken: %s", run["name"], error)

    def _seconds_until(self, run: dict[str, Any]) -> float:
        due = run.get("next_scheduled_start_time")
        return (datetime.fromisoformat(due) - self.api.now()).total_seconds() if due else 0.0

    async def _claim(self, run: dict[str, Any]) -> str | None:
        """Enter PENDING: the attempt token (empty from a server without them), or None: not ours.

        The transition has an id: where the answer is lost it is asked for again, and the server gives the same one.
        """
        details = {"transition_id": str(uuid.uuid4())}
        body = {"state": {"type": "PENDING", "name": "Pending", "state_details": details}, "force": False}
        asking = self.api.surely("POST", f"/flow_runs/{run['id']}/set_state", body, token="new")
        try:
            answer = await asyncio.wait_for(asking, STALE_SECONDS)
        except TimeoutError:
            raise Unavailable("the server did not answer the claim") from None
        said = answer.json()
        if said["status"] != "ACCEPT":
            reason = (said.get("details") or {}).get("reason") or "it went to somebody else."
            log.info("Run %r is not started: %s", run["name"], reason)
            return None
        return answer.headers.get("Orion-Attempt", "")

    async def _hand_back(self, run: dict[str, Any], token: str) -> None:
        details = {"scheduled_time": run.get("next_scheduled_start_time")}
        state = {"type": "SCHEDULED", "message": "Its agent was stopped.", "state_details": details}
        await self.api.call("POST", f"/flow_runs/{run['id']}/set_state", {"state": state}, token or None)

    async def _start(self, run: dict[str, Any], token: str) -> Child | None:
        """Start the flow process in a session of its own; a run that cannot be started is CRASHED."""
        try:
            variables = await self._job_variables(run)
            if (kind := variables.get("type", "process")) != "process":
                return self._start_elsewhere(kind, run, token, variables)
            command = variables.get("command") or self.options.command
            elsewhere = "PYTHONPATH" in (variables.get("env") or {})
            if tuple(command) == Options.command and not (elsewhere or _has_orion()):
                raise ValueError(f"No module named 'orion'; {NO_ORION}")
            folder = tempfile.mkdtemp(prefix=f"orion-{run['id']}-")
            with open(os.path.join(folder, "output.log"), "ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    cwd=variables.get("working_dir") or folder,
                    env=self._environment(run, token, variables.get("env") or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except (OSError, ValueError, Refusal, ImportError) as error:
            self.failed += 1
            why = f"{error}; {ALONE}" if isinstance(error, ImportError) else str(error)
            await self._end(run["id"], token, "CRASHED", f"{NOT_STARTED}: {why}")
            return None
        log.info("Run %r started as process %s.", run["name"], process.pid)
        self._limit(process.pid)
        child = Child(run["id"], run["name"], token, process.pid, folder, process)
        child.hold()
        with contextlib.suppress(Refusal, Unavailable):
            pid = {"infrastructure_pid": f"{self.host}:{process.pid}"}
            await self.api.call("PATCH", f"/flow_runs/{run['id']}", pid, token)
        return child

    async def _job_variables(self, run: dict[str, Any]) -> dict[str, Any]:
        deployment = (await self.api.surely("GET", f"/deployments/{run['deployment_id']}")).json()
        made_by = deployment.get("client") or ""
        if made_by.startswith("prefect"):
            raise ValueError(f"the deployment was made by {made_by}, but this agent runs flows of orion")
        block = run.get("infrastructure_document_id") or deployment.get("infrastructure_document_id")
        layers = [
            await self._block(block) if block else {},
            deployment.get("job_variables") or {},
            run.get("job_variables") or {},
        ]
        variables = {name: value for layer in layers for name, value in layer.items()}
        variables["env"] = {
            name: value for layer in layers for name, value in (layer.get("env") or {}).items()
        }
        return await self._resolved(variables)

    async def _block(self, document_id: str) -> dict[str, Any]:
        """The values of an infrastructure block, and its kind as `type`."""
        path = f"/block_documents/{document_id}?include_secrets=true"
        document = (await self.api.surely("GET", path)).json()
        return {**document["data"], "type": document["block_type"]["slug"]}

    def _start_elsewhere(self, kind: str, run: dict[str, Any], token: str, values: dict[str, Any]) -> Remote:
        """Hand the run to an infrastructure; pulling an image may take long, so it is watched from the beginning."""
        from orion.blocks.infrastructure import infrastructure
        from orion.errors import OrionError

        try:
            place = infrastructure(kind, values)
        except OrionError as error:
            raise ValueError(str(error)) from None
        place.tell = self._teller(run["id"])
        env = self._environment_elsewhere(run, token, values.get("env") or {})
        child = Remote(run["id"], run["name"], token, 0, "", place=place)

        async def begin() -> str:
            handle: str = await place.start(run, ("python", "-m", "orion.engine"), env)
            child.handle = handle
            log.info("Run %r started as %s %s.", run["name"], kind, handle)
            with contextlib.suppress(Refusal, Unavailable):
                pid = {"infrastructure_pid": f"{self.host}:{kind}:{handle}"}
                await self.api.call("PATCH", f"/flow_runs/{run['id']}", pid, token)
            return handle

        child.begin = begin()
        return child

    def _environment_elsewhere(
        self, run: dict[str, Any], token: str, overrides: dict[str, Any]
    ) -> dict[str, str]:
        """What a run in a container sees: nothing of this machine but what is passed on by name."""
        own = self._environment(run, token, overrides)
        for name in {"ORION_API_URL", "ORION_API_KEY"} & {*overrides}:  # it may know the server otherwise
            own[name] = str(overrides[name] or "")
        names = {"ORION_API_URL", "ORION_API_KEY", "PREFECT__FLOW_RUN_ID", "PYTHONUNBUFFERED", *overrides}
        names |= {*self.options.passed}
        return {
            name: value
            for name, value in own.items()
            if name in names or name.startswith(("ORION__", "ORION_LOGGING_"))
        }

    async def _resolved(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The job variables with what they refer to; those in the environment are left to the flow's process."""
        rest = {name: value for name, value in variables.items() if name != "env"}
        if "{{" not in str(rest):
            return variables
        from orion.blocks import api, references
        from orion.errors import OrionError

        steps = references.resolve(rest, self._passed_on())
        try:
            return {**variables, **(await api.of_server(steps, self.options.api, self.options.key))}
        except OrionError as error:
            raise ValueError(f"a job variable cannot be resolved: {error}") from None

    def _passed_on(self) -> dict[str, str]:
        """What of the agent's environment its flows see: harmless names and orion's settings."""
        names = {*ENVIRONMENT.split(), *self.options.passed}
        return {name: value for name, value in os.environ.items() if name in names or _is_setting(name)}

    def _environment(self, run: dict[str, Any], token: str, overrides: dict[str, Any]) -> dict[str, str]:
        """What the flow process sees: harmless names and orion's settings, but no secret of a server."""
        kept = self._passed_on()
        own = {
            "ORION_API_URL": self.options.api,
            "ORION__FLOW_RUN_ID": run["id"],
            "PREFECT__FLOW_RUN_ID": run["id"],
            "ORION__ATTEMPT": token,
            "ORION__AGENT_PID": str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
        }
        key = {"ORION_API_KEY": self.options.key} if self.options.key else {}
        path = os.pathsep.join(filter(None, (kept.get("PYTHONPATH"), _checkout())))
        kept |= {"PYTHONPATH": path} if path else {}
        every = {**kept, **overrides, **key, **own}
        return {name: str(value) for name, value in every.items() if value is not None}

    def _limit(self, pid: int) -> None:
        import resource

        for kind, most in (
            ("RLIMIT_AS", (self.options.memory_mb or 0) << 20),
            ("RLIMIT_NPROC", self.options.processes),
        ):
            if most and hasattr(resource, "prlimit"):
                with contextlib.suppress(OSError, ValueError):
                    resource.prlimit(pid, getattr(resource, kind), (most, most))

    async def _watch(self, child: Child) -> None:
        """Stay with a process to its end: pass its output on, beat for it, report how it ended."""
        self.children[child.run_id] = child
        beating = asyncio.create_task(self._beat(child))
        try:
            waiting = asyncio.ensure_future(child.wait())
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=0.5)
                child.stream()
                if child.stays and self.stopping.is_set() and not child.cancelled:
                    waiting.cancel()
                    return
            child.ended.set()
            await self._report(child, waiting.result())
        finally:
            beating.cancel()
            self.children.pop(child.run_id, None)
            child.let_go()

    async def _beat(self, child: Child) -> None:
        """Say that the process lives, and stop it when somebody wants that."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                if not await self._is_cancelled(child):
                    continue
                child.cancelled = True
                log.info("Run %r is cancelled.", child.name)
            except Unavailable:
                continue
            except Refusal as error:
                if error.status not in (403, 409, 410):
                    continue
                log.warning("Run %r belongs to another attempt now; its process is stopped.", child.name)
            await child.stop(self.options.grace)
            return

    async def _is_cancelled(self, child: Child) -> bool:
        """What the answer to a beat says; a server without tokens knows no beats, but has a state."""
        if child.token:
            beat = await self.api.call("POST", f"/flow_runs/{child.run_id}/heartbeat", {}, child.token)
            return bool(beat.json().get("cancel"))
        state = (await self.api.call("GET", f"/flow_runs/{child.run_id}")).json().get("state") or {}
        return bool(state.get("type") == "CANCELLING")

    async def _report(self, child: Child, code: int | None) -> None:
        """Close a run whose process did not close it itself."""
        self.finished += 1
        try:
            state = (await self.api.surely("GET", f"/flow_runs/{child.run_id}")).json().get("state") or {}
            if child.cancelled or self.stopping.is_set() or code:
                child.signal(signal.SIGKILL)  # what is left of its group
            if state.get("type") == "CANCELLING":
                await self._end(
                    child.run_id, child.token, "CANCELLED", f"Cancelled: {child.ending_with(code)}."
                )
            elif state.get("type") in ("PENDING", "RUNNING"):
                self.failed += 1
                why = "its agent was stopped; " if self.stopping.is_set() else ""
                await self._send_output(child)
                message = f"{child.fault}: {why}{child.ending_with(code)}."
                killed = (code is None or code < 0) and not self.stopping.is_set()
                await self._end(child.run_id, child.token, "CRASHED", message, retriable=killed)
            elif state.get("type") == "CRASHED":
                self.failed += 1  # it could say so itself
        except Refusal as error:
            log.warning("The end of run %r was not taken: %s", child.name, error)

    def _teller(self, run_id: str) -> Callable[[int, str], None]:
        """Hears what a run waits for in its infrastructure: says it here, and in the run's logs, where people look."""

        def tell(level: int, message: str) -> None:
            log.log(level, "%s", message)
            self._spawn(self._send_word(run_id, level, message), self.tasks)

        return tell

    async def _send_word(self, run_id: str, level: int, message: str) -> None:
        entry = {"name": "orion.infrastructure", "level": level, "message": message[:10_000]}
        entry |= {"timestamp": self.api.now().isoformat(), "flow_run_id": run_id}
        with contextlib.suppress(Refusal, Unavailable):
            await self.api.call("POST", "/logs/", [{**entry, "source": str(uuid.uuid4()), "seq": 0}])

    async def _send_output(self, child: Child) -> None:
        """The last lines that the process wrote and did not send, into the run's logs: it cannot any more."""
        text = child.tail.decode(errors="replace").replace("\0", "")
        sent = await self._sent_lines(child.run_id)
        shown = tuple(mark + line for line in sent for mark in (" - ", " | "))  # as a console writes them
        lines = [
            line[:10_000]
            for line in text.splitlines()[-200:]
            if line not in sent and not line.endswith(shown)
        ]
        common = {"name": "orion.agent", "level": 20, "timestamp": self.api.now().isoformat()}
        common |= {"flow_run_id": child.run_id, "source": str(uuid.uuid4())}
        if lines:
            entries = [{**common, "message": line, "seq": number} for number, line in enumerate(lines)]
            await self.api.surely("POST", "/logs/", entries)

    async def _sent_lines(self, run_id: str) -> set[str]:
        wanted = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_DESC"}
        known = (await self.api.surely("POST", "/logs/filter", wanted)).json()
        return {line for entry in known for line in entry["message"].splitlines() if line.strip()}

    async def _end(
        self, run_id: str, token: str | None, kind: str, message: str, *, retriable: bool | None = None
    ) -> None:
        """Close a run; `retriable` says that its process was killed, so that the next one may do better."""
        log.warning("%s %s: %s", kind, run_id, message)
        details = {"transition_id": str(uuid.uuid4()), "retriable": retriable or None}
        state = {"type": kind, "message": message, "state_details": details}
        await self.api.surely(
            "POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": False}, token or None
        )

    # beginning and end

    async def _adopt(self) -> None:
        """Watch the runs that a killed agent of this host left behind."""
        with contextlib.suppress(Refusal):
            for run in await self._live_runs():
                if run["infrastructure_pid"].count(":") > 1:
                    self._spawn(self._adopt_elsewhere(run), self.tasks)
                else:
                    self._adopt_process(run)
        _remove_old_outputs()

    def _adopt_process(self, run: dict[str, Any]) -> None:
        """Watch a process, unless it is gone, a stranger's, or watched by another agent."""
        number = run["infrastructure_pid"].rpartition(":")[2]
        pid = int(number) if number.isdecimal() else 0
        known = _environment_of(pid)
        if known.get("ORION__FLOW_RUN_ID") != run["id"]:
            return
        child = Child(run["id"], run["name"], known.get("ORION__ATTEMPT"), pid, _folder_of(run["id"]))
        if child.hold():
            log.info("Run %r is adopted: process %s.", run["name"], pid)
            child.pick_up()
            self._spawn(self._watch(child), self.tasks)

    async def _adopt_elsewhere(self, run: dict[str, Any]) -> None:
        """Watch a container that a killed agent of this host started."""
        from orion.blocks.infrastructure import infrastructure
        from orion.errors import OrionError

        kind, _, handle = run["infrastructure_pid"].partition(":")[2].partition(":")
        try:
            place = infrastructure(kind, await self._job_variables(run))
            known = await place.environment(handle)
        except (OrionError, ValueError, Refusal) as error:
            return log.warning("Run %r was not adopted: %s", run["name"], error)
        agent = int(known.get("ORION__AGENT_PID") or 0)
        if known.get("ORION__FLOW_RUN_ID") != run["id"] or _is_another_agent(agent):
            return await place.close()
        log.info("Run %r is adopted: %s %s.", run["name"], kind, handle)
        place.tell = self._teller(run["id"])
        token = known.get("ORION__ATTEMPT")
        await self._watch(Remote(run["id"], run["name"], token, 0, "", place=place, handle=handle))

    async def _live_runs(self) -> list[dict[str, Any]]:
        live = {"flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}}
        runs = self._pages("/flow_runs/filter", live, self.api.surely)
        return [run async for run in runs if (run["infrastructure_pid"] or "").startswith(f"{self.host}:")]

    async def _pages(
        self, path: str, body: dict[str, Any], ask: Callable[..., Awaitable[httpx.Response]]
    ) -> AsyncIterator[dict[str, Any]]:
        """Everything that a filter finds."""
        for offset in range(0, 10_000, PAGE):
            page = (await ask("POST", path, {**body, "limit": PAGE, "offset": offset})).json()
            for found in page:
                yield found
            if len(page) < PAGE:
                return

    async def _stop_children(self) -> None:
        """The agent's own end: children get 10 s after SIGTERM, then SIGKILL, and their runs are CRASHED."""
        for poll in self.polls:
            poll.cancel()
        told: set[str] = set()
        ends: list[asyncio.Task[None]] = []
        latest = time.monotonic() + STOP_SECONDS + REPORT_SECONDS
        while self.tasks and time.monotonic() < latest:
            for child in [child for child in self.children.values() if child.run_id not in told]:
                told.add(child.run_id)
                if not child.stays:
                    ends.append(asyncio.create_task(child.stop(STOP_SECONDS)))
            await asyncio.wait({*self.tasks}, timeout=0.2)
        for task in (*self.tasks, *ends):
            task.cancel()

    def stop(self) -> None:
        """End soon; told a second time, at once."""
        if self.stopping.is_set():
            for child in self.children.values():
                child.signal(signal.SIGKILL)
        log.info("Stopping: %d running.", len(self.children))
        self.stopping.set()

    async def _report_health(self) -> None:
        while not self.stopping.is_set():
            await self._sleep(HEALTH_SECONDS)
            quiet, runs = time.monotonic() - self.api.answered, (len(self.children), self.finished)
            if quiet < SILENT_SECONDS:
                if not self.api.has_answered:
                    continue
                log.info("Healthy: %d running, %d finished; last answer %.0f s ago.", *runs, quiet)
            else:
                log.warning(
                    "The server has not answered for %.0f s: %d running, %d finished.", quiet, *runs
                )

    async def _until_told_to_stop(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for something, but not beyond the order to stop."""
        both = {asyncio.ensure_future(work), asyncio.ensure_future(self.stopping.wait())}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the order to stop."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(seconds, 0))

    def _spawn(self, work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        kept.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.polls.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Something went wrong in the agent.", exc_info=error)


def _priority(queue: dict[str, Any]) -> int:
    """The place of a queue among others: 1 comes first."""
    return int(queue.get("priority") or 1)


def _ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "the exit code is not known, because the process was adopted"
    if code >= 0:
        return f"exit code {code}"
    hint = ", often the system out of memory" if code == -signal.SIGKILL else ""
    return f"killed by {signal.Signals(-code).name}{hint}"


def _advice(queue: str, error: Unavailable | Refusal, api: str) -> str:
    match error:
        case Refusal(status=404 | 405, by_orion=False):
            return f"What answers at {api} is no API of orion: does the address end with /api?"
        case Unavailable():
            other = " ORION_API_URL or --api names another one." if api == Options.api else ""
            why = str(error).rstrip(".")
            return f"The server at {api} is away; trying again until it is back. {why}.{other}"
        case Refusal(status=404):
            return f"There is no work queue {queue!r}: `orion work-queue create` or a deployment makes one."
        case Refusal(status=401 | 403):
            return (
                "The server refused the key, or the lack of one: set ORION_API_KEY to a key that it knows, "
                "in the environment or with `orion config set ORION_API_KEY=<key>`."
            )
    return str(error)


def _reason(answer: httpx.Response) -> str:
    """What the server says of an answer of 500 and more, if it is orion that says it."""
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        return ""
    return f": {detail}" if isinstance(detail, str) else ""


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _is_setting(name: str) -> bool:
    return name.startswith(("ORION_", "PREFECT_")) and not any(word in name for word in SERVER_ONLY)


def _checkout() -> str | None:
    """The folder to import orion from, when this file lies in a checkout that nobody has installed."""
    package = os.path.dirname(os.path.abspath(__file__))
    folder, name = os.path.split(package)
    installed = os.path.basename(folder) in ("site-packages", "dist-packages")
    return folder if name == "orion" and not installed else None


def _has_orion() -> bool:
    """Whether a process of this Python finds orion."""
    return _checkout() is not None or importlib.util.find_spec("orion") is not None


def _environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty when it is gone or a stranger's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return dict(
                part.split("=", 1) for part in file.read().decode(errors="replace").split("\0") if "=" in part
            )
    except OSError:
        return {}


def _locked(path: str) -> int | None:
    """A descriptor that holds the lock on a file, or None: another agent has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _folder_of(run_id: str) -> str:
    """The folder of a run that a killed agent has started; an empty one where it is not to be found."""
    prefix = os.path.join(tempfile.gettempdir(), f"orion-{run_id}-")
    folder = next(iter(glob.glob(f"{prefix}*")), f"{prefix}adopted")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def _remove_old_outputs() -> None:
    """What killed agents have left behind of runs that ended without one."""
    for output in glob.glob(os.path.join(tempfile.gettempdir(), "orion-*-*", "output.log")):
        with contextlib.suppress(OSError):
            old = time.time() - os.stat(output).st_mtime > LEFT_SECONDS
            if old and (lock := _locked(output)) is not None:
                shutil.rmtree(os.path.dirname(output), ignore_errors=True)
                os.close(lock)


def _is_another_agent(pid: int) -> bool:
    """Whether the agent that started a container still lives on this machine, and is not this one."""
    if pid == os.getpid():
        return False
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"agent" in file.read()
    except OSError:
        return False


def options_from(argv: Sequence[str], environ: dict[str, str]) -> Options:
    """The options of a command line, with defaults from the environment."""

    def setting(name: str, default: Any = None) -> Any:
        return environ.get(f"ORION_{name}") or environ.get(f"PREFECT_{name}") or default

    parser = argparse.ArgumentParser(prog="orion agent start", description="Run what work queues hand out.")
    parser.add_argument("queues", nargs="*", metavar="QUEUE", help="a work queue, by name or id")
    parser.add_argument("-q", "--work-queue", action="append", default=[], help="the same, repeatable")
    parser.add_argument("-m", "--match", action="append", default=[], help="every queue whose name begins so")
    parser.add_argument(
        "-t", "--tag", action="append", default=[], help="a queue of its own for runs with these tags"
    )
    parser.add_argument(
        "-l", "--limit", type=int, default=setting("AGENT_LIMIT"), help="runs at one time at most"
    )
    parser.add_argument(
        "--prefetch", type=float, default=setting("AGENT_PREFETCH_SECONDS", 10), help="seconds to look ahead"
    )
    parser.add_argument("--api", default=setting("API_URL", Options.api), help="the address of the API")
    parser.add_argument("--once", action="store_true", help="take what is due, wait for it and leave")
    parser.add_argument(
        "--until-idle", action="store_true", help="leave when nothing is due and nothing runs"
    )
    given = parser.parse_args(argv)
    if not given.api.startswith(("http://", "https://")):
        parser.error(f"the address of the API must be like {Options.api}, not {given.api!r}")
    queues = (*given.queues, *given.work_queue)
    if given.tag and queues:
        parser.error("give either queues or tags")
    if not (given.tag or queues or given.match):
        parser.error("name a work queue, or give a beginning of names with -m, or tags with -t")
    return Options(
        queues=queues,
        prefixes=tuple(given.match),
        tags=tuple(given.tag),
        api=given.api.rstrip("/"),
        key=setting("API_KEY"),
        limit=int(given.limit) if given.limit else None,
        poll=min(float(setting("AGENT_POLL_SECONDS", Options.poll)), 30.0),
        prefetch=float(given.prefetch),
        grace=float(setting("AGENT_GRACE_SECONDS", 30)),
        once=given.once,
        until_idle=given.until_idle,
        passed=tuple(filter(None, setting("AGENT_ENVIRONMENT", "").split(","))),
        memory_mb=int(setting("AGENT_MEMORY_MB", 0)) or None,
        processes=int(setting("AGENT_PROCESSES", 0)) or None,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run an agent; 0 when it was told to stop or has drained its queues, 1 when that failed."""
    options = options_from(sys.argv[1:] if argv is None else argv, dict(os.environ))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return asyncio.run(_work(options))


async def _work(options: Options) -> int:
    agent = Agent(options)
    what = [
        *options.queues,
        *(f"{prefix}*" for prefix in options.prefixes),
        *(f"tag {tag}" for tag in options.tags),
    ]
    log.info("Agent for %s at %s.", ", ".join(what), options.api)
    return await agent.work()


if __name__ == "__main__":
    sys.exit(main())
