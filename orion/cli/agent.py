"""`orion agent start`: hands over to `orion.agent`, which is a program of its own and needs none of this."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from orion.cli import completing
from orion.cli.groups import new_group
from orion.settings import current

app = new_group("Start an agent, which runs what its work queues hold.")


@app.command("start")
def start(
    queue: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUEUE...", help="A work queue: its name or id.", autocompletion=completing.queues
        ),
    ] = None,
    work_queue: Annotated[
        list[str] | None,
        typer.Option(
            "-q", "--work-queue", metavar="QUEUE", help="The same.", autocompletion=completing.queues
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("-m", "--match", metavar="PREFIX", help="Every queue whose name begins so."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("-t", "--tag", metavar="TAG", help="Instead of queues: runs with all of these tags."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("-l", "--limit", metavar="N", min=1, help="Runs at one time at most.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", "--run-once", help="Run what is due, wait for it and leave; for cron.")
    ] = False,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Leave when nothing is due and nothing runs.")
    ] = False,
    prefetch: Annotated[
        float | None,
        typer.Option(
            "--prefetch", "--prefetch-seconds", metavar="SECONDS", min=0, help="Seconds to look ahead."
        ),
    ] = None,
    api: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of the API, with /api at its end.")
    ] = None,
    hide_welcome: Annotated[bool, typer.Option("--hide-welcome", hidden=True)] = False,
) -> None:
    """Poll work queues and run what they hold, each run in a process of its own."""
    queues = [*(queue or []), *(work_queue or [])]
    if tag and queues:
        raise typer.BadParameter("Give either queues or tags.")
    if not (tag or queues or match):
        raise typer.BadParameter("Name a work queue, or give a beginning of names with -m, or tags with -t.")
    args = [
        *_each("--work-queue", queues),
        *_each("--match", match),
        *_each("--tag", tag),
        *_each("--limit", [limit]),
        *_each("--prefetch", [prefetch]),
        *_each("--api", [api]),
        *(["--once"] if once else []),
        *(["--until-idle"] if until_idle else []),
    ]
    _become([sys.executable, "-m", "orion.agent", *args])


def _each(option: str, values: Sequence[object] | None) -> list[str]:
    return [word for value in values or [] if value is not None for word in (option, str(value))]


def _become(command: list[str]) -> None:
    """Replace this process: the agent holds no more memory than it needs, and signals reach it directly."""
    sys.stdout.flush()
    # Held back until the agent listens: Ctrl+C while it is loaded ends it as later, without a traceback.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    os.execve(command[0], command, {**os.environ, **current().environment()})
