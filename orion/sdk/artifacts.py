"""Artifacts: what a run leaves for people to read. In async code the functions are awaited."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orion.blocks.api import run
from orion.blocks.steps import Steps, ask
from orion.errors import Invalid
from orion.model.artifacts import KEY, Artifact, ArtifactCreate, ArtifactUpdate
from orion.model.wire import raw
from orion.sdk.context import FLOW, TASK

__all__ = [
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
]

PICTURES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"<svg": "svg+xml",
    b"<?xml": "svg+xml",
}


def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> Any:
    """Keep a text in Markdown; the artifact's id."""
    return _create("markdown", markdown, key, description)


def create_table_artifact(table: Any, key: str | None = None, description: str | None = None) -> Any:
    """Keep a table: a list of dicts, a list of lists, a dict of columns or a data frame; the artifact's id."""
    return _create("table", _json(_plain_table(table)), key, description)


def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> Any:
    """Keep a link, http or https; the artifact's id."""
    _check_web(link)
    text = (link_text or link).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    address = link.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    return _create("markdown", f"[{text}]({address})", key, description)


def create_image_artifact(
    image_url: str | bytes | Path, key: str | None = None, description: str | None = None
) -> Any:
    """Keep a picture: bytes or a file are kept in the artifact, of a web address only the link; the artifact's id."""
    if not isinstance(image_url, str):
        image_url = _data_url(image_url if isinstance(image_url, bytes) else image_url.read_bytes())
    elif not image_url.startswith("data:image/"):
        _check_web(image_url)
    return _create("image", image_url, key, description)


def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> Any:
    """Keep how far something is, from 0 to 100; the artifact's id, for `update_progress_artifact`."""
    return _create("progress", _percent(progress), key, description)


def update_progress_artifact(artifact_id: str, progress: float, description: str | None = None) -> Any:
    """Say how far it is now; the artifact's id."""
    changes = ArtifactUpdate(data=raw(_percent(progress)))
    if description is not None:
        changes.description = description
    return run(_update(artifact_id, changes))


def _create(kind: str, data: Any, key: str | None, description: str | None) -> Any:
    if key is not None and not re.fullmatch(KEY, key):
        raise Invalid(f"The key of an artifact has small letters, digits and dashes only; it is {key[:80]!r}.")
    flow_run_id, task_run_id = _here()
    wanted = ArtifactCreate(
        key=key,
        type=kind,
        description=description,
        data=raw(data),
        flow_run_id=flow_run_id,
        task_run_id=task_run_id,
    )
    return run(_made(wanted))


def _made(wanted: ArtifactCreate) -> Steps[str]:
    artifact: Artifact = yield from ask("create_artifact", wanted)
    return artifact.id


def _update(artifact_id: str, changes: ArtifactUpdate) -> Steps[str]:
    yield from ask("update_artifact", artifact_id, changes)
    return artifact_id


def _here() -> tuple[str | None, str | None]:
    """The flow run and the task run in which this is called; outside of runs neither."""
    task, flow = TASK.get(), FLOW.get()
    if task is not None:
        return task.task_run.flow_run_id, task.task_run.id
    return (flow.flow_run.id if flow is not None else None), None


def _plain_table(table: Any) -> Any:
    if hasattr(table, "to_dicts"):
        return table.to_dicts()
    if hasattr(table, "to_dict"):
        return table.to_dict(orient="records")
    if not isinstance(table, list | tuple | Mapping):
        raise Invalid("A table is a list of dicts, a list of lists, a dict of columns or a data frame.")
    return table


def _json(value: Any) -> str:
    """As clients of this kind send it: a JSON text. What JSON has no word for is written as text, NaN as null."""
    import msgspec

    return msgspec.json.encode(value, enc_hook=str).decode()


def _percent(progress: float) -> float:
    if not 0 <= progress <= 100:
        raise Invalid(f"Progress goes from 0 to 100; it is {progress}.")
    return float(progress)


def _check_web(address: str) -> None:
    if not address.lower().startswith(("http://", "https://")):
        raise Invalid(f"{address[:80]!r} does not begin with http:// or https://.")


def _data_url(picture: bytes) -> str:
    for begin, kind in PICTURES.items():
        if picture.lstrip().startswith(begin):
            return f"data:image/{kind};base64,{b64encode(picture).decode()}"
    raise Invalid("A picture is a PNG, JPEG, GIF, WebP or SVG file.")
