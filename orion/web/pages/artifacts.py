"""Artifacts: the keys with their newest, one artifact with the history of its key, and those of a run."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from orion.model.artifacts import Artifact, ArtifactCollection
from orion.model.filters import (
    ArtifactCollectionFilter,
    ArtifactFilter,
    KeyCriterion,
    NullableIdCriterion,
    TextCriterion,
)
from orion.store import artifacts, console
from orion.store.base import Conn
from orion.store.conditions import Literal
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.pages.artifact_view import Shown, shown
from orion.web.pages.shared import PAGE, address, found, gather, here, see, stretch

KINDS = ("markdown", "table", "link", "image", "progress")
FEW = 5
# clients of this kind keep references of results as artifacts too
FOR_PEOPLE = TextCriterion(operator="or_", not_any_=["result"], is_null_=True)


class Version(Struct):
    """One artifact of a key in its history."""

    artifact: Artifact
    run: str


async def listing(call: Call) -> Reply:
    """List the keys, those that changed last first."""
    see(call)
    kind, q = call.query.get("type", ""), call.query.get("q", "").strip()[:200]
    data = await gather(call, _list, q, kind if kind in KINDS else "", call.query.get("after"))
    return Reply({**data, "here": here(call)}, "artifacts/list.html#page")


async def show(call: Call) -> Reply:
    """Show an artifact, and the history of its key."""
    now = see(call)
    data = await gather(call, _one, call.path["id"], call.query.get("after"))
    return Reply({**data, "now": now, "here": here(call)}, "artifacts/show.html#page")


async def show_key(call: Call) -> Reply:
    """Show the newest artifact of a key, and its history."""
    now = see(call)
    data = await gather(call, _newest, call.path["key"], call.query.get("after"))
    return Reply({**data, "now": now, "here": here(call)}, "artifacts/show.html#page")


def of_run(conn: Conn, run_id: str, most: int = FEW) -> list[Shown]:
    """The newest artifacts of a flow run, as its page shows them."""
    return _brief(conn, ArtifactFilter(flow_run_id=NullableIdCriterion(any_=[run_id]), type=FOR_PEOPLE), most)


def of_task(conn: Conn, task_run_id: str, most: int = FEW) -> list[Shown]:
    """The newest artifacts of a task run."""
    wanted = ArtifactFilter(task_run_id=NullableIdCriterion(any_=[task_run_id]), type=FOR_PEOPLE)
    return _brief(conn, wanted, most)


def count_of_run(conn: Conn, run_id: str) -> int:
    """How many artifacts a flow run has."""
    return artifacts.count(
        conn, ArtifactFilter(flow_run_id=NullableIdCriterion(any_=[run_id]), type=FOR_PEOPLE)
    )


def _brief(conn: Conn, wanted: ArtifactFilter, most: int) -> list[Shown]:
    return [shown(row, brief=True) for row in artifacts.filter(conn, wanted, None, "ID_DESC", most)]


def _list(conn: Conn, q: str, kind: str, after: str | None) -> dict[str, Any]:
    wanted = ArtifactCollectionFilter(
        key=KeyCriterion(like_=Literal(q)) if q else None, type=TextCriterion(any_=[kind]) if kind else None
    )
    rows, key = artifacts.page_of_newest(conn, wanted, PAGE, after)
    total = artifacts.count_newest(conn, wanted)
    return {
        "rows": rows,
        "names": console.flow_run_names(conn, (row.flow_run_id for row in rows)),
        "q": q,
        "kind": kind,
        "kinds": [("", "Any type"), *((name, name) for name in KINDS)],
        "shown": plural(len(rows), "more key") if after else stretch(0, len(rows), total, "key"),
        "newer": address("artifacts", q=q, type=kind) if after else None,
        "older": address("artifacts", q=q, type=kind, after=key) if key else None,
    }


def _newest(conn: Conn, key: str, after: str | None) -> dict[str, Any]:
    row: ArtifactCollection = found(artifacts.latest(conn, key), "artifact key")
    return _one(conn, row.latest_id, after)


def _one(conn: Conn, id: str, after: str | None) -> dict[str, Any]:
    artifact: Artifact = found(artifacts.get(conn, id), "artifact")
    newest = artifacts.latest(conn, artifact.key) if artifact.key else None
    history, key = _history(conn, artifact.key, after) if artifact.key else ([], None)
    names = console.flow_run_names(conn, [artifact.flow_run_id, *(row.flow_run_id for row in history)])
    tasks = console.task_run_names(conn, [artifact.task_run_id])
    base = f"artifacts/key/{artifact.key}" if artifact.key else f"artifacts/{id}"
    return {
        "one": shown(artifact),
        "run_name": names.get(artifact.flow_run_id or ""),
        "task_name": tasks.get(artifact.task_run_id or ""),
        "is_newest": newest is not None and newest.latest_id == id,
        "history": [Version(row, names.get(row.flow_run_id or "", "")) for row in history],
        "newer": base if after else None,
        "older": address(base, after=key) if key else None,
    }


def _history(conn: Conn, key: str, after: str | None) -> tuple[list[Artifact], str | None]:
    return artifacts.page(conn, ArtifactFilter(key=KeyCriterion(any_=[key])), PAGE, after)
