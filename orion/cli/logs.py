"""Reading the log lines of a run, and following them until the run ends."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from orion.cli.api import PAGE, Api
from orion.cli.console import GREY, RED, YELLOW, note, paint
from orion.errors import Invalid, OrionError
from orion.sdk.errors import Unreachable

FINAL = frozenset(("COMPLETED", "FAILED", "CRASHED", "CANCELLED"))
PAUSE_SECONDS = 1.0
AWAY = frozenset((502, 503, 504))
KEPT = 150  # how many lines back one may come late, from another process; with new ones they fit on a page

Line = dict[str, Any]


def read_logs(
    server: Api,
    run_id: str,
    *,
    newest_first: bool = False,
    limit: int | None = None,
    level: int | None = None,
    text: str | None = None,
) -> Iterator[list[Line]]:
    """The lines of a run and of its tasks, a page at a time; from a level on, with a text in them."""
    left = limit
    for page in _pages(server, _of(run_id, level, text), newest_first=newest_first):
        yield page[:left]
        left = None if left is None else left - len(page)
        if left is not None and left <= 0:
            return


def _pages(
    server: Api, chosen: dict[str, Any], since: str | None = None, newest_first: bool = False
) -> Iterator[list[Line]]:
    """All lines from a moment on, in order. A page begins at the time of the last line, not at a number of lines:
    then the last page of a long log costs no more than its first.
    """
    bound, sort = ("before_", "TIMESTAMP_DESC") if newest_first else ("after_", "TIMESTAMP_ASC")
    same = 0  # lines of that very moment that we have
    while True:
        begin = {} if since is None else {"timestamp": {bound: since}}
        body = {"logs": {**chosen, **begin}, "sort": sort, "limit": PAGE, "offset": same}
        page: list[Line] = server.post("/logs/filter", body)
        yield page
        if len(page) < PAGE:
            return
        last = page[-1]["timestamp"]
        of_last = [line["timestamp"] for line in page].count(last)
        same = same + of_last if last == since else of_last
        since = last


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
    """Print lines as they come, until the run has ended and its last ones are printed; a restart is waited for."""
    coming, away = Coming(server, _of(run_id, level, text)), False
    while True:
        try:
            ended = server.get(f"/flow_runs/{run_id}")["state_type"] in FINAL
            printed = _print_new(coming)
            if ended and not printed:
                return
            away = False
        except OrionError as error:
            if not (isinstance(error, Unreachable) or error.status in AWAY):
                raise
            if not away:
                note("The server does not answer; waiting until it is back.")
            away, printed = True, 0
        if not printed:
            time.sleep(pause)


def _print_new(coming: Coming) -> int:
    printed = 0
    for lines in coming.look():
        print_lines(lines)
        printed += len(lines)
    return printed


class Coming:
    """The lines of a run that were not there before. Several processes write a log, so one may come late."""

    def __init__(self, server: Api, chosen: dict[str, Any]) -> None:
        self.server, self.chosen = server, chosen
        self.kept: deque[tuple[str, str]] = deque()
        self.floor = ("", "")  # the last line that is not kept any more

    def look(self) -> Iterator[list[Line]]:
        """What came since the last look, a page at a time."""
        since = self.kept[0][0] if self.kept else None
        for page in _pages(self.server, self.chosen, since):
            known = {*self.kept}
            lines = [line for line in page if _place(line) > self.floor and _place(line) not in known]
            yield lines
            self._keep(lines)

    def _keep(self, lines: list[Line]) -> None:
        self.kept = deque(sorted([*self.kept, *map(_place, lines)]))
        while len(self.kept) > KEPT:
            self.floor = self.kept.popleft()


def _place(line: Line) -> tuple[str, str]:
    return line["timestamp"], line["id"]


def _of(run_id: str, level: int | None, text: str | None) -> dict[str, Any]:
    of_level = {} if level is None else {"level": {"ge_": level}}
    of_text = {} if not text else {"text": {"query": text}}
    return {"flow_run_id": {"any_": [run_id]}, **of_level, **of_text}


def print_lines(lines: list[Line]) -> None:
    """Print lines as the console of a run does: time by the clock of this machine, level, logger, message."""
    for line in lines:
        when = paint(_local(line["timestamp"]), GREY)
        level = paint(f"{logging.getLevelName(line['level']):<8}", _color(line["level"]))
        print(f"{when} {level} {line['name']}  {line['message']}")
    sys.stdout.flush()


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:23]


def _color(level: int) -> str:
    return RED if level >= logging.ERROR else YELLOW if level >= logging.WARNING else GREY
