"""Saved searches over HTTP."""

from __future__ import annotations

import pytest

from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client
from tests.web.makers import UNKNOWN

FILTER = {"object": "flow", "property": "name", "type": "string", "operation": "equals", "value": ["a", 1]}


@pytest.mark.row("API-26")
def test_a_search_is_saved_by_name_read_listed_and_deleted(client: Client) -> None:
    first = client.put("/api/saved_searches/", json={"name": "mine", "filters": [FILTER]})
    again = client.put("/api/saved_searches/", json={"name": "mine", "filters": []})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["filters"], again.json()["filters"]) == ([FILTER], [])
    path = f"/api/saved_searches/{first.json()['id']}"
    assert client.get(path).json()["name"] == "mine"
    assert [row["name"] for row in client.post("/api/saved_searches/filter", json={}).json()] == ["mine"]
    assert client.delete(path).status_code == 204
    assert client.get(path).json() == {"detail": "Saved search not found"}
    assert client.delete(f"/api/saved_searches/{UNKNOWN}").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a", "filters": [{}]}, {"name": "a", "filters": "x"}]
)
@ASKS_NO_DATABASE
def test_a_bad_search_is_refused(client: Client, body: dict[str, object]) -> None:
    assert client.put("/api/saved_searches/", json=body).status_code == 422
