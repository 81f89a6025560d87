"""The server process: the socket, uvicorn with an orderly end, and the agent that may run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from orion.errors import PortInUse, Refused

STOP_SECONDS = 13.0  # for everything, from the first signal on
AGENT_SECONDS = 11.0  # an agent gives its runs 10 s, then reports them
REQUEST_SECONDS = 2.0  # what requests have at least
RESTART_SECONDS = 5.0


def bind(host: str, port: int) -> socket.socket:
    """The listening socket; taken before anything else is touched. Port 0 picks a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _refusal(host, port, error) from None
    listener.set_inheritable(False)
    return listener


def _refusal(host: str, port: int, error: OSError | OverflowError) -> Refused:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        return PortInUse(
            f"Port {port} on {host} is in use. Stop what listens there, or choose another: "
            f"orion start --port {other}"
        )
    return Refused(f"Cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}.")


class Companion:
    """A child process in a session of its own, started again when it dies, ended with this process."""

    def __init__(self, name: str, module: str, args: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.command = [sys.executable, "-m", "orion.cli.tied", str(os.getpid()), module, *args]
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def start(self) -> None:
        """Start the process. Call it from the main thread: the tie is to the thread that starts it."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, env=self.environment, start_new_session=True)

    def watch(self) -> None:
        """Start it again, at most every few seconds, if it has ended by itself."""
        ended = self.process.poll() if self.process else None
        if ended is not None and time.monotonic() - self.started > RESTART_SECONDS:
            print(f"The {self.name} ended with code {ended}; starting it again.", file=sys.stderr)
            self.start()

    async def stop(self) -> None:
        """Ask it to end, wait, then end its whole session."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        until = time.monotonic() + AGENT_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """End it now."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Server(uvicorn.Server):
    """uvicorn that ends in order: first the agent, which still has to report, then requests, then the store.

    The first signal asks, the second forces.
    """

    def __init__(self, app: Any, *, log_level: str, on_started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level=log_level,
                access_log=log_level in ("info", "debug"),
                timeout_graceful_shutdown=int(STOP_SECONDS),
                lifespan="on",
                server_header=False,
            )
        )
        self.app = app
        self.on_started = on_started
        self.companions: list[Companion] = []
        self.asked = False
        self.wake: asyncio.Event | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.wake = asyncio.Event()
        signal.signal(signal.SIGHUP, self.handle_exit)
        await super().startup(sockets=sockets)
        for companion in self.companions:
            companion.start()
        self.on_started()

    async def main_loop(self) -> None:
        """Look around once a second instead of ten times; a signal is heard at once."""
        assert self.wake is not None
        while not self.asked and not await self.on_tick(0):
            for companion in self.companions:
                companion.watch()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), 1.0)
        began = time.monotonic()
        await asyncio.gather(*(companion.stop() for companion in self.companions))
        left = STOP_SECONDS - (time.monotonic() - began)
        self.config.timeout_graceful_shutdown = round(max(left, REQUEST_SECONDS))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.app.state.closing.set()
        await super().shutdown(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: end in order; the second time at once."""
        if self.asked:
            self.force_exit = self.should_exit = True
            for companion in self.companions:
                companion.kill()
        elif sig == signal.SIGINT:
            os.write(2, b"\nStopping. Press Ctrl+C again to stop at once.\n")
        self.asked = True
        if self.wake is not None:
            asyncio.get_running_loop().call_soon_threadsafe(self.wake.set)
