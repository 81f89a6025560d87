"""`orion start`: one process with API, console and clock, and an agent beside it when asked for."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from orion.cli.groups import new_command
from orion.model.times import utcnow
from orion.settings import Settings, current, temporary_settings

if TYPE_CHECKING:
    from orion.cli.server import Companion
    from orion.store.base import Store

app = new_command()


class Beside(NamedTuple):
    """What shall happen beside the serving: an agent for a queue, files to apply, deployments to run once."""

    queue: str | None = None
    files: list[Path] = []  # noqa: RUF012
    runs: list[str] = []  # noqa: RUF012


class StartCommand(TyperCommand):
    """Lets `--agent` stand alone: it then means the queue named default."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_name_the_queue(args)))


def _name_the_queue(args: list[str]) -> list[str]:
    named: list[str] = []
    for position, word in enumerate(args):
        bare = word == "--agent" and (args[position + 1 : position + 2] or ["-"])[0].startswith("-")
        named.append("--agent=default" if bare else word)
    return named


@app.command(cls=StartCommand)
def start(
    host: Annotated[str | None, typer.Option(metavar="HOST", help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 picks a free one.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="critical, error, warning, info or debug.")
    ] = None,
    clock: Annotated[bool | None, typer.Option("--clock/--no-clock", help="Run the clock inside.")] = None,
    scheduler: Annotated[
        bool | None, typer.Option("--scheduler/--no-scheduler", help="Let the clock plan runs.")
    ] = None,
    late_runs: Annotated[
        bool | None, typer.Option("--late-runs/--no-late-runs", help="Let the clock mark late runs.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="[=QUEUE]", help="Run an agent too, for the queue default or QUEUE.")
    ] = None,
    ui: Annotated[bool | None, typer.Option("--ui/--no-ui", help="Serve the console.")] = None,
    apply: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Apply these deployment files once the server is up."),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="FLOW/DEPLOYMENT", help="Then ask for a run of this deployment."),
    ] = None,
    analytics: Annotated[
        bool, typer.Option("--analytics-on/--analytics-off", hidden=True, help="Nothing is ever sent.")
    ] = False,
) -> None:
    """Start the server: API, console and clock in one process."""
    flags = {
        "ORION_HOST": host,
        "ORION_PORT": port,
        "ORION_SERVER_LOG_LEVEL": log_level and log_level.lower(),
        "ORION_CLOCK_ENABLED": clock,
        "ORION_SCHEDULER_ENABLED": scheduler,
        "ORION_LATE_RUNS_ENABLED": late_runs,
        "ORION_UI_ENABLED": ui,
    }
    with temporary_settings({name: value for name, value in flags.items() if value is not None}):
        serve(current(), Beside(agent, apply or [], run or []))


def serve(settings: Settings, beside: Beside) -> None:
    """Bind, check, open, serve: in this order, so that a refusal leaves everything as it was."""
    from orion.cli.server import Server, bind
    from orion.store import Role, open_store, work_queues
    from orion.web.factory import build_app
    from orion.web.security import make_guard

    _check_log_level(settings.server_log_level)
    make_guard(settings)
    host = _host(settings)
    with ExitStack() as ends:
        listener = ends.enter_context(bind(host, settings.port))
        url = _local_url(host, listener.getsockname()[1])
        store = open_store(settings.database_url, role=Role.SERVER, address=f"{url}/api")
        ends.callback(store.close)
        server = Server(
            build_app(settings, store, services=True),
            log_level=settings.server_log_level,
            on_started=lambda: _announce(settings, url, beside),
        )
        if beside.queue is not None:
            store.write_now(work_queues.ensure, beside.queue, utcnow())
            server.companions.append(_agent(settings, url, beside.queue))
        if settings.clock_enabled:
            ends.callback(_start_clock(store, settings).stop)
        server.run(sockets=[listener])


def _check_log_level(level: str) -> None:
    from orion.errors import SettingError

    known = ("critical", "error", "warning", "info", "debug")
    if level not in known:
        raise SettingError(f"The log level must be one of {', '.join(known)}, but it is {level!r}.")


def _host(settings: Settings) -> str:
    """A platform that sets PORT wants to reach the server from outside its container."""
    on_platform = settings.sources["ORION_PORT"] == "environment PORT"
    return "0.0.0.0" if on_platform and settings.sources["ORION_HOST"] == "default" else settings.host


def _local_url(host: str, port: int) -> str:
    """How programs on this machine reach the server."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def _start_clock(store: Store, settings: Settings) -> Any:
    from orion.layout import door

    clock = import_module(f"{door('tasks').__name__}.clock").Clock(store, settings)
    clock.start()
    return clock


def _agent(settings: Settings, url: str, queue: str) -> Companion:
    from orion.cli.server import Companion

    environment = {**os.environ, **settings.environment(), "ORION_API_URL": f"{url}/api"}
    if settings.admin_key:
        environment["ORION_API_KEY"] = settings.admin_key
    return Companion("agent", "orion.agent", [queue], environment)


def _announce(settings: Settings, url: str, beside: Beside) -> None:
    from orion.cli.banner import banner

    print(banner(settings, url, beside.queue), flush=True)
    if beside.files or beside.runs:
        from threading import Thread

        Thread(target=_begin, args=(settings, f"{url}/api", beside), name="begin", daemon=True).start()


def _begin(settings: Settings, api_url: str, beside: Beside) -> None:
    from orion.cli.console import fail
    from orion.cli.deployment_files import apply_all, read_files
    from orion.deployments import run_deployment
    from orion.errors import OrionError
    from orion.sdk.client import SyncClient
    from orion.sdk.connection import Connection

    try:
        with SyncClient(Connection(api_url, key=settings.admin_key)) as client:
            apply_all(read_files(beside.files), client)
            for name in beside.runs:
                made = run_deployment(name, timeout=0, client=client)
                print(f"Run {made.name!r} of {name} is on its way.", flush=True)
    except OrionError as error:
        fail(error.message, 1)
