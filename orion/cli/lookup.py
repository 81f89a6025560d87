"""Finding what a person means: an id, a name, or the beginning of an id that fits only one object."""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import quote

from orion.cli.api import Api
from orion.errors import NotFound, OrionError
from orion.sdk.errors import ObjectNotFound

Row = dict[str, Any]

MOST = 10_000

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PREFIX = re.compile(r"[0-9a-f-]{4,35}")


def find_flow(api: Api, what: str) -> Row:
    """A flow by id, name or beginning of its id."""
    return (
        by_id(api, "flows", what)
        or at(api, f"/flows/name/{quote(what, safe='')}")
        or by_prefix(api, "flows", what)
        or missing("flow", what, "orion flow ls")
    )


def find_flow_run(api: Api, what: str) -> Row:
    """A flow run by id, name or beginning of its id; of several with one name the id decides."""
    return (
        by_id(api, "flow_runs", what)
        or by_name(api, "flow_runs", what)
        or by_prefix(api, "flow_runs", what)
        or missing("flow run", what, "orion flow-run ls")
    )


def find_deployment(api: Api, what: str) -> Row:
    """A deployment by `flow/name`, id, a name that only one flow has, or beginning of its id."""
    flow, slash, name = what.partition("/")
    if slash:
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}"
        return at(api, path) or missing("deployment", what, "orion deployment ls")
    return (
        by_id(api, "deployments", what)
        or by_name(api, "deployments", what)
        or by_prefix(api, "deployments", what)
        or missing("deployment", what, "orion deployment ls")
    )


def find_work_queue(api: Api, what: str) -> Row:
    """A work queue by name, id or beginning of its id."""
    return (
        by_id(api, "work_queues", what)
        or at(api, f"/work_queues/name/{quote(what, safe='')}")
        or by_prefix(api, "work_queues", what)
        or missing("work queue", what, "orion work-queue ls")
    )


def flow_names(api: Api, rows: list[Row]) -> dict[str, str]:
    """The names of the flows that rows refer to, by id."""
    ids = sorted({row["flow_id"] for row in rows})
    found: dict[str, str] = {}
    for start in range(0, len(ids), 200):
        body = {"flows": {"id": {"any_": ids[start : start + 200]}}}
        found |= {flow["id"]: flow["name"] for flow in api.rows("/flows/filter", body, 200)}
    return found


def deployment_names(api: Api, rows: list[Row]) -> dict[str, str]:
    """The full names of the deployments that rows refer to, by id."""
    ids = sorted({row["deployment_id"] for row in rows} - {None})
    body = {"deployments": {"id": {"any_": ids}}}
    found = api.rows("/deployments/filter", body, len(ids)) if ids else []
    flows = flow_names(api, found)
    return {row["id"]: f"{flows.get(row['flow_id'], row['flow_id'])}/{row['name']}" for row in found}


def find_block(api: Api, what: str) -> Row:
    """A saved block by `type/name`, id, a name that only one type has, or beginning of its id."""
    slug, slash, name = what.partition("/")
    if slash:
        return block_at(api, slug, name) or missing("block", what, "orion block ls")
    return (
        by_id(api, "block_documents", what)
        or by_name(api, "block_documents", what)
        or by_prefix(api, "block_documents", what)
        or missing("block", what, "orion block ls, where each stands as type/name")
    )


def block_at(api: Api, slug: str, name: str) -> Row | None:
    """The block of a type and a name."""
    return at(api, f"/block_types/slug/{quote(slug, safe='')}/block_documents/name/{quote(name, safe='')}")


def is_id(what: str) -> bool:
    """Whether this is a whole id."""
    return _ID.fullmatch(what.lower()) is not None


def by_id(api: Api, resource: str, what: str) -> Row | None:
    """The object of a whole id."""
    return at(api, f"/{resource}/{what.lower()}") if is_id(what) else None


def at(api: Api, path: str) -> Row | None:
    """What is at a path of the API, if anything."""
    try:
        return api.get(path)
    except ObjectNotFound:
        return None


def by_name(api: Api, resource: str, what: str) -> Row | None:
    """The only object of a name."""
    rows = api.rows(f"/{resource}/filter", {resource: {"name": {"any_": [what]}}}, 5)
    return _one(api, rows, resource, what)


def by_prefix(api: Api, resource: str, what: str) -> Row | None:
    """The only object whose id begins so."""
    start = what.lower()
    if not _PREFIX.fullmatch(start):
        return None
    rows = api.rows(f"/{resource}/filter", {resource: {"id": {"startswith_": [start]}}}, 5)
    return _one(api, rows, resource, what)


def among(api: Api, resource: str, what: str) -> Row | None:
    """The only object of an id or of its beginning, where no filter chooses by it: of few objects."""
    start = what.lower()
    if not (_PREFIX.fullmatch(start) or is_id(start)):
        return None
    rows = api.rows(f"/{resource}/filter", {}, MOST)
    return _one(api, [row for row in rows if row["id"].startswith(start)], resource, what)


def _one(api: Api, rows: list[Row], resource: str, what: str) -> Row | None:
    if len(rows) > 1:
        if resource == "deployments":
            names = deployment_names(api, [{"deployment_id": row["id"]} for row in rows])
            raise OrionError(
                f"{what!r} fits several deployments; say which: {', '.join(sorted(names.values()))}."
            )
        ids = ", ".join(row["id"] for row in rows[:5])
        raise OrionError(f"{what!r} fits several {_words(resource)}; say which by its id: {ids}.")
    return rows[0] if rows else None


def _words(resource: str) -> str:
    named = {
        "block_documents": "blocks",
        "v2/concurrency_limits": "limits",
        "notification_deliveries": "messages",
    }
    return named.get(resource, resource.replace("_", " "))


def missing(kind: str, what: str, command: str) -> NoReturn:
    """Say that there is no such thing, and where to see what there is."""
    raise NotFound(f"There is no {kind} {what!r}. See what there is: {command}")
