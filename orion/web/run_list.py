"""Lists of flow runs as markup, written by hand for their speed: every page of runs shows up to sixty rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Protocol

from orion.model.flow_runs import FlowRun
from orion.web.charts.bars import progress
from orion.web.charts.svg import Svg
from orion.web.display import duration, iso, look_of, stamp, when

MOST_TAGS, NOT_SHOWN = 4, "auto-scheduled"
Link = Callable[[str], str]


class Note(Protocol):
    """The second line of a row, of which the first words matter most."""

    @property
    def strong(self) -> str: ...
    @property
    def rest(self) -> str: ...


class Row(Protocol):
    """One run, and what a list says of it."""

    @property
    def run(self) -> FlowRun: ...
    @property
    def flow_name(self) -> str: ...
    @property
    def tasks(self) -> Mapping[str, int]: ...
    @property
    def note(self) -> Note: ...
    @property
    def time(self) -> datetime | None: ...
    @property
    def said(self) -> str: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def slower(self) -> str: ...


def draw(rows: Sequence[Row], link: Link, icons: str, pick: bool = False) -> Svg:
    """The rows as items of a list; `icons` is where the glyphs are, with `pick` they can be ticked and say more."""
    to_flow, to_run = escape(link("flows/")), escape(link("runs/"))
    return Svg("".join([_row(row, to_flow, to_run, escape(icons), pick) for row in rows]))


def _row(row: Row, to_flow: str, to_run: str, icons: str, pick: bool) -> str:
    run, seen, name = row.run, look_of(row.run), escape(row.run.name)
    box = f'<input type="checkbox" name="run" value="{run.id}" aria-label="Select {name}">' if pick else ""
    return (
        f'<li class="run" id="run-{run.id}" data-s="{seen}">\n{box}'
        f'<svg class="glyph" data-s="{seen}" role="img" aria-label="{escape(run.state_name or seen)}">'
        f'<use href="{icons}#s-{seen}"/></svg>\n'
        f'<div><div class="t"><a class="flow" href="{to_flow}{run.flow_id}">{escape(row.flow_name)}</a>'
        f'<span class="muted">/</span><a href="{to_run}{run.id}"><b>{name}</b></a>{_tags(run.tags)}</div>\n'
        f'<div class="m">{_note(row.note)}</div></div>\n'
        f"{_tasks(row.tasks) if pick else ''}"
        f'<div class="when">{_time(row.time)}<span class="sub">{escape(row.said)}</span></div>\n'
        f"{_took(row) if pick or row.seconds is not None else ''}</li>\n"
    )


def _tags(tags: Sequence[str]) -> str:
    shown = [tag for tag in tags if tag != NOT_SHOWN]
    words = [
        *map(escape, shown[:MOST_TAGS]),
        *([f"+{len(shown) - MOST_TAGS}"] if len(shown) > MOST_TAGS else []),
    ]
    return "".join([f'<span class="tag">{word}</span>' for word in words])


def _note(note: Note) -> str:
    strong = f"<em>{escape(note.strong)}</em>{' · ' if note.rest else ''}" if note.strong else ""
    return strong + escape(note.rest)


def _tasks(tasks: Mapping[str, int]) -> str:
    done = f"{tasks.get('completed', 0)}/{sum(tasks.values())}" if tasks else "–"
    return f'<div class="prog">{progress(tasks)}<span>{done}</span></div>\n'


def _time(time: datetime | None) -> str:
    if time is None:
        return "–"
    exact = iso(time)
    return f'<time datetime="{exact}" title="{stamp(time)} ({exact})">{when(time)}</time>'


def _took(row: Row) -> str:
    slower = f'<span class="up">{escape(row.slower)}</span>' if row.slower else ""
    return f'<div class="num dur">{duration(row.seconds)}<span class="sub">{slower}</span></div>'
