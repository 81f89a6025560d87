"""The route map: quick for plain paths, exact for quoted ones, and honest about what it does not know."""

from __future__ import annotations

import asyncio

import pytest

from orion.web.call import Call, Reply
from orion.web.route import Route, RouteMap, delete, get, moved, name_values, page, post
from tests.web.calls import call_for


async def handler(call: Call) -> Reply:
    """Answer."""
    return Reply()


ROUTES = (
    post("/flows/", handler, None, None),
    get("/flows/{id}", handler, None, page="/flows/{id}"),
    delete("/flows/{id}", handler, page="/flows/{id}/delete"),
    get("/flows/name/{name}", handler, None),
    get("/deployments/name/{flow_name}/{deployment_name}", handler, None),
    page("/runs", handler),
)


def find(path: str, raw: bytes | None = None) -> tuple[set[str], list[str]] | None:
    found = RouteMap(ROUTES).find(path, raw)
    return None if found is None else (set(found[0]), found[1])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/flows/", ({"POST"}, [])),
        ("/api/flows/abc", ({"GET", "DELETE"}, ["abc"])),
        ("/flows/abc", ({"GET"}, ["abc"])),
        ("/flows/abc/delete", ({"POST"}, ["abc"])),
        ("/api/flows/name/etl", ({"GET"}, ["etl"])),
        ("/runs", ({"GET"}, [])),
        ("/api/flows", None),
        ("/api/flows/abc/", None),
        ("/api/flows/name/", None),
        ("/api/nothing", None),
        ("/", None),
    ],
)
def test_a_path_leads_to_its_methods_and_values(path: str, expected: object) -> None:
    assert find(path) == expected


def test_a_quoted_slash_belongs_to_its_segment() -> None:
    path, raw = "/api/deployments/name/a/b/c d", b"/api/deployments/name/a%2Fb/c%20d"
    assert find(path, raw) == ({"GET"}, ["a/b", "c d"])


def test_ids_are_uuids_in_lower_case() -> None:
    uuid = "0190B0B0-0000-7000-8000-00000000000A"
    assert name_values(("id",), [uuid]) == {"id": uuid.lower()}
    assert name_values(("id", "schedule_id"), [uuid, "x"]) is None
    assert name_values(("name", "id_or_name"), ["x", "y"]) == {"name": "x", "id_or_name": "y"}


def test_two_routes_cannot_share_an_address() -> None:
    twice = (Route("GET", "/a/{id}", handler), Route("GET", "/a/{other}", handler))
    with pytest.raises(ValueError, match="two routes"):
        RouteMap(twice)


@pytest.mark.parametrize(
    ("old", "new", "asked", "location"),
    [
        ("/flow-run/{id}", "/runs/{id}", "/flow-run/7", "../runs/7"),
        ("/flow-runs", "/runs", "/flow-runs", "runs"),
        ("/flow-run/{id}/radar", "/runs/{id}/radar", "/flow-run/7/radar", "../../runs/7/radar"),
    ],
)
def test_an_older_address_leads_on_under_any_prefix(old: str, new: str, asked: str, location: str) -> None:
    call = call_for(asked, root="/orion")
    call.path = {"id": "7"}
    answer = asyncio.run(moved(old, new).handler(call))
    assert (answer.status_code, answer.headers["Location"]) == (308, location)
