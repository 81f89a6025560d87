"""How things are said on a page: states, durations, times in the viewer's zone, numbers. No I/O."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

LOOKS = ("failed", "crashed", "late", "running", "pending", "scheduled", "paused", "cancelled", "completed")
_BY_NAME = {
    "Late": "late",
    "Retrying": "running",
    "AwaitingRetry": "scheduled",
    "Cached": "completed",
    "Paused": "paused",
}
_BY_TYPE = {"CANCELLING": "cancelled", None: "pending", "COMPLETED": "completed", "RUNNING": "running"}


@dataclass(frozen=True)
class Viewer:
    """Who looks: the zone in which times are told, the moment from which "ago" counts, and what the bus had told."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    told: int = 0

    def local(self, time: datetime) -> datetime:
        return time.astimezone(self.zone)


viewer: ContextVar[Viewer] = ContextVar("viewer")


def zone_of(name: str | None) -> tuple[tzinfo, str]:
    """The zone a browser names in its cookie; UTC when it names none that is known."""
    try:
        return (ZoneInfo(name), name) if name else (UTC, "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"


def look(state_type: str | None, state_name: str | None = None) -> str:
    """The word by which the stylesheet knows a state: its type, or the name that says more (late, paused)."""
    if state_name in _BY_NAME:
        return _BY_NAME[state_name]
    return _BY_TYPE.get(state_type) or str(state_type).lower()


def look_of(run: Any) -> str:
    """The look of a flow run or task run."""
    return look(run.state_type, run.state_name)


def duration(seconds: float | timedelta | None) -> str:
    """12ms, 3.0s, 48.2s, 6m 42s, 2h 41m, 3d 4h; a dash for none."""
    if seconds is None:
        return "–"
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if total < 0.0995:
        return f"{max(total, 0) * 1000:.0f}ms"
    if total < 59.95:
        return f"{total:.1f}s"
    minutes, left = divmod(round(total), 60)
    if minutes < 60:
        return f"{minutes}m {left:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24}h"


def span(seconds: float) -> str:
    """A rough stretch of time in words: 40 s, 27 min, 11 h 28 min, 1 d 11 h, 12 d."""
    minutes = int(seconds // 60)
    if seconds < 60:
        return f"{int(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes and hours < 12 else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 4 else f"{days} d"


def ago(time: datetime | None) -> str:
    """`time` as seen from now: just now, 14 min ago, in 27 min."""
    if time is None:
        return ""
    seconds = (viewer.get().now - time).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def clock(time: datetime | None) -> str:
    """The time of day, in the viewer's zone."""
    return viewer.get().local(time).strftime("%H:%M:%S") if time else "–"


def millis(time: datetime) -> str:
    """The time of day to the millisecond, for log lines."""
    return viewer.get().local(time).strftime("%H:%M:%S.%f")[:-3]


def when(time: datetime | None) -> str:
    """A time of day today, with its day otherwise."""
    if time is None:
        return "–"
    local, now = viewer.get().local(time), viewer.get().local(viewer.get().now)
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    return (
        f"{local:%a %H:%M}" if abs((local.date() - now.date()).days) < 7 else f"{local.day} {local:%b %H:%M}"
    )


def stamp(time: datetime | None) -> str:
    """Date and time in full."""
    if time is None:
        return "–"
    local = viewer.get().local(time)
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def day_of(time: datetime) -> tuple[str, str]:
    """The heading of a day in a list: ("Today", "Sunday 22 November")."""
    local, now = viewer.get().local(time), viewer.get().local(viewer.get().now)
    full = f"{local:%A} {local.day} {local:%B}"
    if local.year != now.year:
        full += f" {local.year}"
    days = (now.date() - local.date()).days
    return ({0: "Today", 1: "Yesterday", -1: "Tomorrow"}.get(days) or f"{local:%A}", full)


def iso(time: datetime) -> str:
    """UTC, for machines and for the tooltip."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def count(value: int, *, cap: int = 10_000) -> str:
    """A number as it is read: 1,208, and 10,000+ once it was not counted further."""
    return f"{cap:,}+" if value > cap else f"{value:,}"


def size_words(number: int) -> str:
    """A number of bytes as it is read: 4.1 MB."""
    size, units = float(number), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """3 runs, 1 run."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def json(value: Any) -> str:
    """Any value as JSON on one line, as parameters are shown."""
    return msgspec.json.encode(value).decode()


def json_block(value: Any) -> str:
    """Any value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def first_sentence(text: str) -> str:
    """The first sentence of a description, for a card."""
    line = text.strip().partition("\n")[0]
    end = line.find(". ")
    return (line[: end + 1] if 0 < end < 160 else line)[:160]


def unraw(value: Any) -> Any:
    """Opaque JSON of the model as plain Python data."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value) if len(bytes(value)) else None
    return value


def level(number: int) -> tuple[str, str]:
    """A log level as (class, word): (warn, WARN)."""
    if number >= 50:
        return "error", "CRIT"
    if number >= 40:
        return "error", "ERROR"
    if number >= 30:
        return "warn", "WARN"
    return ("info", "INFO") if number >= 20 else ("debug", "DEBUG")


FILTERS = {
    "duration": duration, "ago": ago, "clock": clock, "millis": millis, "when": when, "stamp": stamp, "iso": iso,
    "count": count, "size": size_words, "json": json, "json_block": json_block, "unraw": unraw, "span": span,
    "first_sentence": first_sentence,
}  # fmt: skip
GLOBALS = {"look": look, "look_of": look_of, "plural": plural, "level": level, "day_of": day_of}
