"""The page of variables: listed, made, changed and deleted, with every fault said."""

from __future__ import annotations

from typing import Any

import pytest

from orion.web.pages.variables import meant, typed
from tests.web.browser import Client
from tests.web.pages import HTML, act
from tests.web.test_variables import made


def test_variables_are_listed_made_changed_and_deleted_by_forms(client: Client) -> None:
    assert "No variables yet" in client.get("/variables", headers=HTML).text
    new = act(client, "/variables", name=" region ", value='{"a": 1}', tags="x, y,, x")
    assert (new.status_code, new.headers["location"]) == (303, "variables")
    row = client.get("/api/variables/name/region").json()
    assert (row["value"], row["tags"]) == ({"a": 1}, ["x", "y"])
    form = client.get(f"/variables/{row['id']}/edit", headers=HTML).text
    assert "{&#34;a&#34;:1}" in form and 'value="x, y"' in form
    saved = act(client, f"/variables/{row['id']}/edit", name="zone", value="12", text="yes", tags="")
    assert (saved.status_code, saved.headers["location"]) == (303, "../../variables")
    assert client.get("/api/variables/name/zone").json()["value"] == "12"
    assert "zone" in client.get("/variables?q=ON", headers=HTML).text
    assert "No variable matches" in client.get("/variables?q=%25", headers=HTML).text
    assert act(client, f"/variables/{row['id']}/delete").headers["location"] == "../../variables"
    assert client.get("/api/variables/name/zone").status_code == 404


def test_a_faulty_form_comes_back_with_what_was_typed(client: Client) -> None:
    taken = made(client, "taken", 1)
    other = made(client, "other", 2)
    for address in ("/variables", f"/variables/{other['id']}/edit"):
        for form, said in (
            ({"name": "Bad Name", "value": "<kept>"}, "small letters"),
            ({"name": "taken", "value": "<kept>"}, "exists already"),
            ({"name": "", "value": "<kept>"}, "small letters"),
            ({"name": "x", "value": "<kept>" + "x" * 5000}, "longer than 5000"),
        ):
            answer = act(client, address, **form)
            assert answer.status_code == 422 and said in answer.text and "&lt;kept&gt;" in answer.text
    assert client.get(f"/api/variables/{taken['id']}").json() == taken
    assert client.get(f"/api/variables/{other['id']}").json() == other


def test_many_are_paged_by_name(client: Client) -> None:
    for number in range(51):
        made(client, f"v{number:03}", number)
    first = client.get("/variables", headers=HTML).text
    assert "1–50 of 51 variables" in first and "v050" not in first
    older = first.partition('rel="next"')[0].rpartition('href="./')[2].partition('"')[0]
    assert "v050" in client.get(f"/{older}", headers=HTML).text


@pytest.mark.parametrize(
    "value", ["text", "12", "", " x ", "null", '"q"', {"a": [1]}, None, 1.5, True, "a\nb"]
)
def test_what_is_shown_in_the_form_means_the_same_value_again(value: Any) -> None:
    assert meant(typed(value), False) == value
