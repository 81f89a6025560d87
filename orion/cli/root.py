"""The top of the command line: the groups, the global options, and what becomes of errors."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from orion import __version__, settings
from orion.cli import completing
from orion.cli.console import fail
from orion.cli.groups import lazy_group
from orion.errors import OrionError

MEMBERS = {
    "start": ("start", "Start the server: API, console and clock."),
    "clock": ("clock", "Run the clock alone: schedules, late runs, leases, notifications."),
    "agent": ("agent", "Start an agent, which runs what its work queues hold."),
    "deployment": ("deployments", "Build, apply, run and look at deployments."),
    "flow": ("flows", "Look at flows."),
    "flow-run": ("flow_runs", "Look at runs, read their logs, cancel, retry or delete them."),
    "result": ("result", "Print what a run gave."),
    "work-queue": ("work_queues", "Create, pause, limit and look at work queues."),
    "concurrency-limit": ("concurrency_limits", "Limit how many task runs with a tag run at once."),
    "global-concurrency-limit": ("global_limits", "Limit what code does at one time, by named slots."),
    "gcl": ("global_limits", "The same, shorter."),
    "block": ("blocks", "Register block classes; make, look at and delete saved blocks."),
    "artifact": ("artifacts", "Look at what runs left to read, and delete it."),
    "variable": ("variables", "Set, read and unset variables."),
    "notification": ("notification", "Say who is told of which states, test it, and send again what failed."),
    "kubernetes": ("kubernetes", "Print manifests for Kubernetes."),
    "config": ("config", "Set, unset and view settings of the active profile."),
    "profile": ("profiles", "Create, choose and change profiles."),
    "database": ("database", "Upgrade, back up, restore, check, measure and empty the database."),
    "version": ("version", "Show versions and where things are."),
}

FULL = (errno.ENOSPC, errno.EDQUOT)
UNWRITABLE = (*FULL, errno.EROFS, errno.EACCES, errno.EPERM)

app = typer.Typer(
    cls=lazy_group(MEMBERS),
    rich_markup_mode=None,
    add_completion=True,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback(help="Run, schedule and watch workflows.")
def _root(
    profile: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--profile",
            metavar="NAME",
            help="Use this profile; it comes before the environment.",
            autocompletion=completing.profiles,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("-v", "--version", is_eager=True, callback=_print_version, help="Say which.")
    ] = False,
) -> None:
    if profile is not None:
        settings.reload(profile=profile)


def run(args: list[str]) -> int:
    """Run a command line and answer its exit code; expected errors are one line, others a traceback."""
    try:
        get_command(app).main(args, prog_name="orion")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except OrionError as error:
        return fail(_said(error), error.exit_code)
    except Exception as error:
        if told := _of_disk(error):
            return fail(told, 1)
        import traceback

        traceback.print_exc()
        return fail("An exception occurred.", 1)
    finally:
        sys.stdout.flush()
    return 0


def _of_disk(error: Exception) -> str | None:
    """What a person is told of a file that cannot be written; None where it is something else."""
    if not isinstance(error, OSError) or error.errno not in UNWRITABLE:
        return None
    if error.errno in FULL:
        return f"{error.filename or 'A file'} cannot be written: the disk is full. Make room there, then try again."
    if error.filename is None:
        return None
    other = (
        " ORION_HOME names another folder."
        if Path(error.filename).is_relative_to(settings.current().home)
        else ""
    )
    return f"{error.filename} cannot be used: {error.strerror}.{other}"


def _said(error: OrionError) -> str:
    """What a person is told: the API's own words where it refused what was typed, else the request too."""
    return str(getattr(error, "reason", error.message)) if error.status in (409, 422) else error.message
