"""What `orion start` says when it is up: where to look, and what it will do."""

from __future__ import annotations

from orion import __version__
from orion.cli.console import BOLD, paint
from orion.settings import Settings


def banner(settings: Settings, url: str, queue: str | None) -> str:
    """The lines of the banner."""
    public = (settings.public_url or url).rstrip("/")
    lines = [
        f"orion {__version__}",
        "",
        f"  API        {public}/api",
        f"  reference  {public}/docs",
        f"  dashboard  {public}" if settings.ui_enabled else "  dashboard  off",
        *([f"  listens on {url}"] if settings.public_url else []),
        f"  database   {settings.masked()['ORION_DATABASE_URL']}",
        f"  clock      {'on' if settings.clock_enabled else 'off: run `orion clock` beside this server'}",
        f"  agent      {_agent(queue)}",
        f"  keeps      {_retention(settings)}",
        "",
        f"For other terminals: orion config set ORION_API_URL={public}/api",
        "Press Ctrl+C to stop.",
    ]
    return "\n".join([paint(lines[0], BOLD), *lines[1:], ""])


def _agent(queue: str | None) -> str:
    return f"queue {queue}" if queue is not None else "none: run `orion agent start QUEUE`"


def _retention(settings: Settings) -> str:
    from orion.services.retention import is_off

    if is_off(settings):
        return "every run and log for ever (ORION_RETENTION=off)"
    days, logs = settings.retention_run_days, settings.retention_log_days
    newest = settings.retention_run_count
    return f"finished runs {days} days and the newest {newest} of each flow, logs {logs} days"
