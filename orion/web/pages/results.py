"""Results in words: where a state's result is stored, and which results a retry would use again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from orion.model.states import State
from orion.web.display import plural

LONGEST = 400
LOOKED_AT = 200  # finished tasks, so that a big run costs no more than a small one


@dataclass(frozen=True)
class Result:
    """A result: what it is in a word, and the value or the place."""

    kind: str
    text: str
    place: str = ""


def result_of(state: State | None) -> Result | None:
    """Where the result of a state is; None for a state that carries nothing."""
    data = data_of(state)
    if not isinstance(data, dict):
        return None if data is None else Result("value", _short(data))
    match data:
        case {"type": "literal", "value": value}:
            return Result("value", _short(value))
        case {"type": "reference"}:
            key = str(data.get("storage_key") or data.get("key") or "")
            block = data.get("storage_block_id") or data.get("storage_block_document_id")
            size = data.get("size")
            said = f"{plural(size, 'byte')}" if isinstance(size, int) else ""
            return Result("file", key, f"in storage block {block}" if block else said)
        case {"type": "unpersisted"}:
            return Result(
                "not stored", str(data.get("artifact_description") or "it lived in the process only")
            )
    return Result(str(data.get("type", "value")), _short(data))


def reuse(done: int, kept: int) -> str:
    """What a retry does with the tasks that finished: whose result is stored is not run again.

    `kept` counts those of the first `LOOKED_AT`.
    """
    if done > LOOKED_AT:
        said = "A retry reuses the finished tasks whose results are stored"
        return f"{said}: {kept:,} of the first {LOOKED_AT:,} have one."
    again = max(done - kept, 0)
    said = f"A retry reuses {plural(kept, 'finished task')}" if kept else "A retry reuses nothing"
    if again:
        runs = "runs" if again == 1 else "run"
        said += f"; {again if kept else plural(again, 'finished task')} without a stored result {runs} again"
    return f"{said}."


def data_of(state: State | None) -> Any:
    """The data of a state, decoded."""
    return msgspec.json.decode(state.data) if state is not None and len(bytes(state.data)) else None


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
