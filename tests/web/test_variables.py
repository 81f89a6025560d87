"""Variables over HTTP: any JSON, up to 5,000 characters, by name and by id."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client
from tests.web.makers import UNKNOWN


def made(client: Client, name: str, value: Any, tags: list[str] | None = None) -> dict[str, Any]:
    answer = client.post("/api/variables/", json={"name": name, "value": value, "tags": tags or []})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_variable_is_made_read_changed_and_deleted(client: Client) -> None:
    first = made(client, "var_1", "v1")
    assert (first["name"], first["value"], first["tags"]) == ("var_1", "v1", [])
    assert client.get("/api/variables/name/var_1").json() == first
    assert client.get(f"/api/variables/{first['id']}").json() == first
    assert client.post("/api/variables/", json={"name": "var_1", "value": "x"}).status_code == 409
    body = {"name": "var_1", "value": {"deep": [1.0, None]}, "tags": ["a", "a"]}
    assert client.patch("/api/variables/name/var_1", json=body).status_code == 204
    changed = client.get("/api/variables/name/var_1").json()
    assert (changed["value"], changed["tags"]) == ({"deep": [1.0, None]}, ["a"])
    assert client.patch(f"/api/variables/{first['id']}", json={"name": "other"}).status_code == 204
    made(client, "taken", 1)
    assert client.patch("/api/variables/name/other", json={"name": "taken"}).status_code == 409
    assert client.delete("/api/variables/name/other").status_code == 204
    for answer in (
        client.get("/api/variables/name/other"),
        client.patch("/api/variables/name/other", json={"value": 1}),
        client.delete("/api/variables/name/other"),
        client.delete(f"/api/variables/{UNKNOWN}"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Variable not found"})


def test_filters_sort_and_count(client: Client) -> None:
    for name, value, tags in (("a", "x", ["t"]), ("b", "yy", []), ("c", {"k": "x"}, ["t", "u"])):
        made(client, name, value, tags)

    def names(**body: Any) -> list[str]:
        found = [row["name"] for row in client.post("/api/variables/filter", json=body).json()]
        if not {"sort", "limit"} & body.keys():
            assert client.post("/api/variables/count", json=body).json() == len(found)
        return found

    assert names() == ["a", "b", "c"] and names(sort="NAME_DESC", limit=2) == ["c", "b"]
    assert names(variables={"name": {"any_": ["b"]}}) == names(variables={"name": {"like_": "b"}}) == ["b"]
    assert names(variables={"value": {"any_": ["x"]}}) == ["a"]
    assert names(variables={"value": {"like_": "x"}}) == ["a", "c"]
    assert names(variables={"tags": {"all_": ["t", "u"]}}) == ["c"]
    assert names(variables={"tags": {"is_null_": True}}) == ["b"]


@pytest.mark.parametrize(
    "body", [{"name": "Bad", "value": 1}, {"name": "a b", "value": 1}, {"name": "a" * 256, "value": 1},
             {"name": "a"}, {"name": "a", "value": "x" * 5000}]
)  # fmt: skip
@ASKS_NO_DATABASE
def test_a_bad_variable_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/api/variables/", json=body).status_code == 422


def test_a_value_may_have_5000_characters_whatever_their_bytes(client: Client) -> None:
    assert made(client, "long", "ä" * 4998)["value"] == "ä" * 4998
