"""Finding what a person means: an id, a name, or the beginning of an id that fits only one object."""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import quote

from orion.cli.api import Api
from orion.errors import NotFound, OrionError
from orion.sdk.errors import ObjectNotFound

Row = dict[str, Any]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PREFIX = re.compile(r"[0-9a-f-]{4,35}")


def find_flow(api: Api, what: str) -> Row:
    """A flow by id, name or beginning of its id."""
    return (
        _by_id(api, "flows", what)
        or _get(api, f"/flows/name/{quote(what, safe='')}")
        or _by_prefix(api, "flows", what)
        or _missing("flow", what, "orion flow ls")
    )


def find_flow_run(api: Api, what: str) -> Row:
    """A flow run by id, name or beginning of its id; of several with one name the id decides."""
    return (
        _by_id(api, "flow_runs", what)
        or _by_name(api, "flow_runs", what)
        or _by_prefix(api, "flow_runs", what)
        or _missing("flow run", what, "orion flow-run ls")
    )


def find_deployment(api: Api, what: str) -> Row:
    """A deployment by `flow/name`, id, a name that only one flow has, or beginning of its id."""
    flow, slash, name = what.partition("/")
    if slash:
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}"
        return _get(api, path) or _missing("deployment", what, "orion deployment ls")
    return (
        _by_id(api, "deployments", what)
        or _by_name(api, "deployments", what)
        or _by_prefix(api, "deployments", what)
        or _missing("deployment", what, "orion deployment ls")
    )


def find_work_queue(api: Api, what: str) -> Row:
    """A work queue by name, id or beginning of its id."""
    return (
        _by_id(api, "work_queues", what)
        or _get(api, f"/work_queues/name/{quote(what, safe='')}")
        or _by_prefix(api, "work_queues", what)
        or _missing("work queue", what, "orion work-queue ls")
    )


def flow_names(api: Api, rows: list[Row]) -> dict[str, str]:
    """The names of the flows that rows refer to, by id."""
    ids = sorted({row["flow_id"] for row in rows})
    found: dict[str, str] = {}
    for start in range(0, len(ids), 200):
        body = {"flows": {"id": {"any_": ids[start : start + 200]}}}
        found |= {flow["id"]: flow["name"] for flow in api.rows("/flows/filter", body, 200)}
    return found


def _by_id(api: Api, resource: str, what: str) -> Row | None:
    return _get(api, f"/{resource}/{what.lower()}") if _ID.fullmatch(what.lower()) else None


def _get(api: Api, path: str) -> Row | None:
    try:
        return api.get(path)
    except ObjectNotFound:
        return None


def _by_name(api: Api, resource: str, what: str) -> Row | None:
    rows = api.rows(f"/{resource}/filter", {resource: {"name": {"any_": [what]}}}, 5)
    return _one(rows, resource, what)


def _by_prefix(api: Api, resource: str, what: str) -> Row | None:
    start = what.lower()
    if not _PREFIX.fullmatch(start):
        return None
    rows = api.rows(f"/{resource}/filter", {resource: {"id": {"startswith_": [start]}}}, 5)
    return _one(rows, resource, what)


def _one(rows: list[Row], resource: str, what: str) -> Row | None:
    if len(rows) > 1:
        ids = ", ".join(row["id"] for row in rows[:5])
        raise OrionError(f"{what!r} fits several {resource.replace('_', ' ')}; say which by its id: {ids}.")
    return rows[0] if rows else None


def _missing(kind: str, what: str, command: str) -> NoReturn:
    raise NotFound(f"There is no {kind} {what!r}. See what there is: {command}")
