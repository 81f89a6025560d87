"""What commands print: tables on a terminal, tab-separated lines in a pipe, JSON when asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

RED, GREEN, YELLOW, BLUE, GREY, BOLD = "31", "32", "33", "34", "90", "1"
STATE_COLORS = {
    **dict.fromkeys(("Completed", "Cached"), GREEN),
    **dict.fromkeys(("Failed", "TimedOut", "Crashed"), RED),
    **dict.fromkeys(("Running", "Retrying", "Rerunning"), BLUE),
    **dict.fromkeys(("Pending", "Scheduled", "Late", "AwaitingRetry", "Paused", "Suspended"), YELLOW),
    **dict.fromkeys(("Cancelling", "Cancelled", "Skipped", "NotReady"), GREY),
}


class Format(StrEnum):
    """How a list or an object is printed."""

    text = "text"
    json = "json"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[
    Format, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.", show_default=False)
]
Limit = Annotated[
    int, typer.Option("-l", "--limit", metavar="N", min=1, max=10_000, help="How many to show at most.")
]


def fail(message: str, code: int) -> int:
    """One red line on stderr; answers the exit code."""
    print(paint(message, RED, sys.stderr), file=sys.stderr)
    return code


def note(message: str) -> None:
    """A remark on stderr, out of the way of what a pipe reads."""
    print(paint(message, GREY, sys.stderr), file=sys.stderr)


def paint(text: str, color: str, stream: TextIO | None = None) -> str:
    """`text` in a colour where the stream is a terminal that wants colours."""
    return f"\x1b[{color}m{text}\x1b[0m" if text and _colours(stream or sys.stdout) else text


def _colours(stream: TextIO) -> bool:
    from orion.settings import current

    return stream.isatty() and "NO_COLOR" not in os.environ and bool(current().cli_colors)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_rows(headings: Sequence[str], rows: Iterable[Sequence[Any]], most: int | None = None) -> None:
    """Print rows: as a table on a terminal, without headings and with tabs between the cells in a pipe.

    Of `most` rows there may be more, which a person is told.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in texts:
            print("\t".join(row))
        return
    if not texts:
        return note("Nothing to show.")
    widths = [max(map(len, column)) for column in zip(headings, *texts, strict=True)]
    print(paint(_line(headings, widths), BOLD))
    for row in texts:
        print(_colour_states(_line(row, widths)))
    if len(texts) == most:
        note(f"These are the first {most:,}; --limit shows more.")


def show_object(value: Mapping[str, Any]) -> None:
    """Print an object, a line for each of its fields that holds something; a tuple has a line for each item."""
    width = max(map(len, value), default=0)
    for name, item in value.items():
        if item not in (None, [], {}, "", ()):
            first, *others = map(_cell, item if isinstance(item, tuple) else (item,))
            print(f"{paint(name.ljust(width), BOLD)}  {first}")
            for each in others:
                print(f"{' ' * width}  {each}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split())


def _colour_states(line: str) -> str:
    for name, color in STATE_COLORS.items():
        line = line.replace(f"  {name} ", f"  {paint(name, color)} ")
    return line


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 run`, `2 runs`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def ago(when: str | None, now: datetime | None = None) -> str:
    """A time of the wire as people say it: `5 minutes ago`, `in 2 hours`."""
    if not when:
        return ""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(when)).total_seconds()
    amount = round(abs(seconds))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if amount >= size:
            count = int(amount // size)
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be undone; without a terminal only `--yes` will do."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.Exit(fail(f"{question} Nobody to ask here: add --yes.", 2))
    typer.confirm(question, abort=True)
