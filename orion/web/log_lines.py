"""Log lines as markup: what a page of five hundred and the live stream show, written by hand for its speed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from html import escape

from orion.model.logs import Log
from orion.web import ansi
from orion.web.charts.svg import Svg
from orion.web.display import iso, level, viewer

Link = Callable[[str], str]
Times = tuple[str, str, str]


def draw(
    lines: Sequence[Log],
    link: Link,
    tasks: Mapping[str, str | None] = {},
    q: str = "",
    context: Collection[str] | None = None,
) -> Svg:
    """The lines as items of a list; what `q` searches is marked, and what is not in `context` only stands around it."""
    to_run, to_task = link("runs/"), link("task-runs/")
    times = _teller()
    return Svg("".join([_line(line, to_run, to_task, tasks, q, context, times) for line in lines]))


def _line(
    line: Log,
    to_run: str,
    to_task: str,
    tasks: Mapping[str, str | None],
    q: str,
    context: Collection[str] | None,
    times: Callable[[datetime], Times],
) -> str:
    kind, word = level(line.level)
    around = " ctx" if context is not None and line.id not in context else ""
    exact, stamp, clock = times(line.timestamp)
    there = f"{to_run}{line.flow_run_id}/logs?line={line.id}"
    left = len(line.message) - ansi.LONGEST
    rest = (
        f' <a class="cut" href="{there}&amp;download=line" download>… {left:,} more letters</a>'
        if left > 0
        else ""
    )
    return (
        f'<li id="L{line.id}" class="{kind}{around}"><a class="at" href="{there}#L{line.id}">'
        f'<time datetime="{exact}" title="{stamp}">{clock}</time></a><span class="lv">{word}</span>'
        f'{_source(line, to_task, tasks)}<span class="msg">{ansi.message(line.message, q)}{rest}</span></li>'
    )


def _source(line: Log, to_task: str, tasks: Mapping[str, str | None]) -> str:
    if line.task_run_id:
        name = escape(tasks.get(line.task_run_id) or "task")
        return f'<a class="src" href="{to_task}{line.task_run_id}">{name}</a>'
    return f'<span class="src">{"flow" if line.name.endswith("flow_runs") else escape(line.name)}</span>'


def _teller() -> Callable[[datetime], Times]:
    """A moment for machines, in full and as the time of day, the last two in the viewer's zone; a day is told once."""
    local_of = viewer.get().local
    days: dict[int, str] = {}

    def told(moment: datetime) -> Times:
        local = local_of(moment)
        clock = local.isoformat(timespec="milliseconds")[11:23]
        day = local.toordinal()
        if day not in days:
            days[day] = f"{local.day} {local:%b %Y}"
        return iso(moment), f"{days[day]}, {clock[:8]}", clock

    return told
