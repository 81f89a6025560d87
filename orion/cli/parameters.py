"""Values given on the command line: parameters, moments and spans of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from orion.errors import Invalid

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)", re.I)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_parameters(
    pairs: Iterable[str] | None, text: str | None, schema: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The parameters of `--param name=value ...` over those of `--params '{...}'`; a value is JSON, else text.

    With the flow's schema, what is a text there stays one (`version=2`), and a name that it does not have is refused.
    """
    own: Mapping[str, Any] = (schema or {}).get("properties") or {}
    given = {**_object(text), **dict(_typed(pair, own) for pair in pairs or ())}
    for name in given:
        if own and name not in own:
            raise Invalid(f"The flow has no parameter {name!r}; it has {', '.join(own)}.")
    return given


def _typed(pair: str, own: Mapping[str, Any]) -> tuple[str, Any]:
    name, value = _pair(pair)
    is_text = isinstance(own.get(name), dict) and own[name].get("type") == "string"
    return name, pair.partition("=")[2] if is_text and not isinstance(value, str) else value


def read_overrides(pairs: Iterable[str] | None) -> dict[str, Any]:
    """`env.NAME=value` and the like as nested objects."""
    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, value = _pair(pair)
        *folders, last = name.split(".")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = str(value) if folders else value
    return found


def _object(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise Invalid(f"{text[1:]} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise Invalid(f"--params is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Invalid("--params must be a JSON object, such as '{\"year\": 2012}'.")
    return value


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"{text!r} is not of the form name=value.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def read_start(start_in: str | None, start_at: str | None, now: datetime) -> datetime:
    """When a run shall start: after a span such as `20 minutes`, at an ISO time, or now."""
    if start_in and start_at:
        raise Invalid("Give either --start-in or --start-at.")
    if start_in:
        return now + _span(start_in)
    return read_moment(start_at) if start_at else now


def _span(text: str) -> timedelta:
    if not re.fullmatch(rf"(?:{_SPAN.pattern}[\s,]*)+", text.strip(), re.I):
        raise Invalid(f"{text!r} is no span of time; write it like 30s, 20 minutes or 1h 30m.")
    return timedelta(seconds=sum(float(n) * _SECONDS[unit[0].lower()] for n, unit in _SPAN.findall(text)))


def read_moment(text: str, *, whole_day: bool = False) -> datetime:
    """A time as people write it, in the zone of this machine unless it says otherwise; of a day its begin or end."""
    try:
        moment = datetime.fromisoformat(text)
        if whole_day and re.fullmatch(r"[\d-]+", text):
            moment = datetime.combine(moment, time.max)
    except ValueError:
        raise Invalid(
            f"{text!r} is no time; write it like 2026-12-24T18:00 or 2026-12-24T18:00+01:00."
        ) from None
    return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC)
