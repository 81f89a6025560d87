"""Reading the log lines of a run, and following them until the run ends."""

from __future__ import annotations

import logging
import time
from typing import Any

from orion.cli.api import PAGE, Api
from orion.cli.console import GREY, RED, YELLOW, paint
from orion.errors import Invalid

FINAL = frozenset(("COMPLETED", "FAILED", "CRASHED", "CANCELLED"))
PAUSE_SECONDS = 1.0


def read_logs(
    server: Api,
    run_id: str,
    *,
    newest_first: bool = False,
    limit: int | None = None,
    level: int | None = None,
    text: str | None = None,
) -> list[dict[str, Any]]:
    """The lines of a run and of its tasks; from a level on, with a text in them."""
    sort = "TIMESTAMP_DESC" if newest_first else "TIMESTAMP_ASC"
    return server.rows("/logs/filter", {**_of(run_id, level, text), "sort": sort}, limit or 1_000_000)


def read_level(name: str | None) -> int | None:
    """The number of a level: `warning`, `ERROR`, `30`."""
    if name is None:
        return None
    number = int(name) if name.isdecimal() else logging.getLevelNamesMapping().get(name.upper())
    if number is None:
        raise Invalid(
            f"{name!r} is no log level; there is: debug, info, warning, error, critical, or a number."
        )
    return number


def follow_logs(
    server: Api,
    run_id: str,
    pause: float = PAUSE_SECONDS,
    *,
    level: int | None = None,
    text: str | None = None,
) -> None:
    """Print lines as they come, until the run has ended and its last lines are printed."""
    seen = 0
    while True:
        ended = server.get(f"/flow_runs/{run_id}")["state_type"] in FINAL
        lines = _after(server, _of(run_id, level, text), seen)
        print_lines(lines)
        seen += len(lines)
        if ended and not lines:
            return
        if not lines:
            time.sleep(pause)


def _after(server: Api, chosen: dict[str, Any], seen: int) -> list[dict[str, Any]]:
    body = {**chosen, "sort": "TIMESTAMP_ASC", "limit": PAGE, "offset": seen}
    found: list[dict[str, Any]] = server.post("/logs/filter", body)
    return found


def _of(run_id: str, level: int | None, text: str | None) -> dict[str, Any]:
    of_level = {} if level is None else {"level": {"ge_": level}}
    of_text = {} if not text else {"text": {"query": text}}
    return {"logs": {"flow_run_id": {"any_": [run_id]}, **of_level, **of_text}}


def print_lines(lines: list[dict[str, Any]]) -> None:
    """Print lines as the console of a run does: time, level, logger, message."""
    for line in lines:
        when = paint(line["timestamp"].replace("T", " ")[:23], GREY)
        level = paint(f"{logging.getLevelName(line['level']):<8}", _color(line["level"]))
        print(f"{when} {level} {line['name']}  {line['message']}", flush=True)


def _color(level: int) -> str:
    return RED if level >= logging.ERROR else YELLOW if level >= logging.WARNING else GREY
