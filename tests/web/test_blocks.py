"""Block types, schemas and documents over HTTP; checksums and secrets."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from orion.model.checksums import checksum
from orion.settings import Settings
from tests.web.browser import Client
from tests.web.makers import UNKNOWN, unique

FIELDS: dict[str, Any] = {
    "title": "Login",
    "type": "object",
    "properties": {"user": {"type": "string"}, "password": {"type": "string"}, "headers": {"type": "object"}},
    "required": ["user"],
    "block_type_slug": "login",
    "secret_fields": ["password", "headers.*"],
    "block_schema_references": {},
}


def registered(client: Client, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A block type with a schema; the schema."""
    name = unique("login")
    kind = client.post("/api/block_types/", json={"name": name, "slug": name})
    assert kind.status_code == 201, kind.text
    body = {"fields": fields or FIELDS, "block_type_id": kind.json()["id"], "capabilities": ["zap"]}
    answer = client.post("/api/block_schemas/", json=body)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def saved(client: Client, schema: dict[str, Any], data: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"data": data, "block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}
    answer = client.post("/api/block_documents/", json={"name": unique("doc"), **body, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_type_is_registered_found_changed_and_deleted(client: Client) -> None:
    body = {"name": "My Block", "slug": "my-block", "code_example": "x"}
    assert client.get("/api/block_types/slug/my-block").status_code == 404
    made = client.post("/api/block_types/", json=body)
    assert (made.status_code, made.json()["is_protected"]) == (201, False)
    assert client.post("/api/block_types/", json=body).status_code == 409
    path = f"/api/block_types/{made.json()['id']}"
    assert client.patch(path, json={"description": "d", "logo_url": None}).status_code == 204
    shown = client.get("/api/block_types/slug/my-block").json()
    assert (shown["description"], shown["code_example"]) == ("d", "x")
    assert client.get(path).json() == shown
    assert shown in client.post("/api/block_types/filter", json={}).json()
    assert client.delete(path).status_code == 204
    assert client.get(path).json() == {"detail": "Block type not found"}


def test_a_schema_is_found_by_checksum(client: Client) -> None:
    schema = registered(client)
    assert schema["checksum"] == checksum(json.dumps(FIELDS))
    assert schema["block_type"]["id"] == schema["block_type_id"]
    assert schema["fields"] == FIELDS
    path = f"/api/block_schemas/checksum/{schema['checksum']}"
    assert client.get(path).json() == schema
    assert client.get(path, params={"version": "non-versioned"}).json() == schema
    assert client.get(path, params={"version": "9"}).status_code == 404
    again = {"fields": FIELDS, "block_type_id": schema["block_type_id"], "capabilities": ["zap"]}
    assert client.post("/api/block_schemas/", json=again).status_code == 200
    assert client.get(f"/api/block_schemas/{schema['id']}").json() == schema
    body = {"block_schemas": {"block_type_id": {"any_": [schema["block_type_id"]]}}}
    assert client.post("/api/block_schemas/filter", json=body).json() == [schema]
    assert "zap" in client.get("/api/block_capabilities/").json()
    assert client.delete(f"/api/block_schemas/{schema['id']}").status_code == 204
    assert client.post("/api/block_schemas/", json={**again, "fields": [1]}).status_code == 422


def test_secrets_are_masked_unless_asked_for_and_sealed_on_disk(client: Client) -> None:
    schema = registered(client)
    data = {"user": "me", "password": "hunter2-canary", "headers": {"a": "x-canary", "b": None}}
    made = saved(client, schema, data)
    masked = {"user": "me", "password": "********", "headers": {"a": "********", "b": None}}
    assert made["data"] == masked
    path = f"/api/block_documents/{made['id']}"
    assert client.get(path).json()["data"] == masked
    assert client.get(path, params={"include_secrets": "true"}).json()["data"] == data
    slug = schema["block_type"]["slug"]
    by_name = f"/api/block_types/slug/{slug}/block_documents/name/{made['name']}"
    assert client.get(by_name, params={"include_secrets": "true"}).json()["data"] == data
    assert [row["data"] for row in client.get(f"/api/block_types/slug/{slug}/block_documents").json()] == [
        masked
    ]
    stored = client.wait(
        client.app.state.store.read(lambda conn: conn.all("SELECT data FROM block_document"))
    )
    assert "canary" not in str(stored)


def test_no_key_of_the_data_is_special(client: Client) -> None:
    made = saved(client, registered(client), {"user": "me", "$sealed": "x"})
    shown = client.get(f"/api/block_documents/{made['id']}", params={"include_secrets": "true"}).json()
    assert shown["data"] == {"user": "me", "$sealed": "x"}


def test_a_document_shows_its_schema_and_type(client: Client) -> None:
    schema = registered(client)
    made = saved(client, schema, {"user": "me"})
    assert made["block_schema"]["checksum"] == schema["checksum"]
    assert (made["block_type"]["id"], made["block_type_name"]) == (
        schema["block_type_id"],
        schema["block_type"]["name"],
    )


def test_a_change_merges_keys_and_keeps_what_was_only_masked(client: Client) -> None:
    schema = registered(client)
    made = saved(client, schema, {"user": "me", "password": "one", "headers": {"a": "x"}})
    path, secret = f"/api/block_documents/{made['id']}", {"include_secrets": "true"}
    body = {"data": {"user": "you", "password": "********", "headers": {"a": "********", "b": "y"}}}
    assert client.patch(path, json=body).status_code == 204
    changed = {"user": "you", "password": "one", "headers": {"a": "x", "b": "y"}}
    assert client.get(path, params=secret).json()["data"] == changed
    client.patch(path, json={"data": {"password": "two"}})
    assert client.get(path, params=secret).json()["data"] == changed | {"password": "two"}
    client.patch(path, json={"data": {"user": "only"}, "merge_existing_data": False})
    assert client.get(path, params=secret).json()["data"] == {"user": "only"}


def test_of_many_who_take_a_name_at_once_one_gets_it(client: Client) -> None:
    schema = registered(client)
    body = {"name": "mine", "block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}
    asked = [client.start("POST", "/api/block_documents/", json={**body, "data": {"n": n}}) for n in range(8)]
    assert sorted(answer.result(60).status_code for answer in asked) == [201] + [409] * 7


def test_a_taken_name_and_a_bad_name_are_refused(client: Client) -> None:
    schema = registered(client)
    saved(client, schema, {"user": "me"}, name="taken")
    body = {
        "name": "taken",
        "data": {},
        "block_schema_id": schema["id"],
        "block_type_id": schema["block_type_id"],
    }
    assert client.post("/api/block_documents/", json=body).status_code == 409
    assert client.post("/api/block_documents/", json={**body, "name": "Not Good"}).status_code == 422
    assert client.post("/api/block_documents/", json={**body, "name": None}).status_code == 422
    assert client.post("/api/block_documents/", json={**body, "name": "b", "data": [1]}).status_code == 422
    assert (
        client.post(
            "/api/block_documents/", json={**body, "name": "b", "block_schema_id": UNKNOWN}
        ).status_code
        == 409
    )


def test_anonymous_documents_are_named_and_left_out_of_lists(client: Client) -> None:
    schema = registered(client)
    made = saved(client, schema, {"user": "me"}, name=None, is_anonymous=True)
    assert made["name"].startswith("anonymous-")
    assert client.post("/api/block_documents/filter", json={}).json() == []
    asked = {"block_documents": {"is_anonymous": {"eq_": True}}}
    assert [row["id"] for row in client.post("/api/block_documents/filter", json=asked).json()] == [
        made["id"]
    ]
    assert client.post("/api/block_documents/count", json=asked).json() == 1


def test_a_saved_block_inside_another_is_put_in_its_place(client: Client) -> None:
    inner = saved(client, registered(client), {"user": "me", "password": "secret"})
    outer_fields = {"title": "Outer", "type": "object", "properties": {}, "block_type_slug": "outer"}
    made = saved(
        client, registered(client, outer_fields), {"inner": {"$ref": {"block_document_id": inner["id"]}}}
    )
    assert made["data"] == {"inner": {"user": "me", "password": "********"}}
    assert made["block_document_references"]["inner"]["block_document"]["name"] == inner["name"]
    shown = client.get(f"/api/block_documents/{made['id']}", params={"include_secrets": "true"}).json()
    assert shown["data"] == {"inner": {"user": "me", "password": "secret"}}


def test_a_block_that_holds_itself_ends_somewhere(client: Client) -> None:
    schema = registered(client)
    made = saved(client, schema, {"user": "me"})
    loop = {"data": {"self": {"$ref": {"block_document_id": made["id"]}}}}
    assert client.patch(f"/api/block_documents/{made['id']}", json=loop).status_code == 204
    assert client.get(f"/api/block_documents/{made['id']}").status_code == 200


def test_a_document_is_deleted(client: Client) -> None:
    made = saved(client, registered(client), {"user": "me"})
    assert client.delete(f"/api/block_documents/{made['id']}").status_code == 204
    assert client.get(f"/api/block_documents/{made['id']}").json() == {"detail": "Block document not found"}


def test_the_key_file_is_for_its_owner_only(client: Client, settings: Settings) -> None:
    saved(client, registered(client), {"user": "me", "password": "x"})
    key = Path(settings.home) / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_protected_type_stays_as_it_is(client: Client) -> None:
    kind = client.post("/api/block_types/", json={"name": "Safe", "slug": "safe"}).json()
    protect = "UPDATE block_type SET is_protected = :yes"
    client.wait(client.app.state.store.write(lambda conn: conn.run(protect, {"yes": True})))
    assert client.patch(f"/api/block_types/{kind['id']}", json={"description": "x"}).status_code == 403
    assert client.delete(f"/api/block_types/{kind['id']}").status_code == 403


@pytest.mark.row("BLK-11")
def test_only_a_foreign_client_that_registers_a_built_in_type_is_told_that_all_is_well(
    client: Client,
) -> None:
    kind = client.get("/api/block_types/slug/local-file-system").json()
    agent = {"User-Agent": "prefect/2.20.20 (API 0.8.4)"}
    four = {"logo_url": None, "documentation_url": None, "description": "other words", "code_example": "x"}
    for body, headers, status in (
        (four, agent, 204),
        ({"description": "other words"}, agent, 403),
        (four, {"User-Agent": "curl/8"}, 403),
        ({}, agent, 403),
    ):
        answer = client.patch(f"/api/block_types/{kind['id']}", json=body, headers=headers)
        assert answer.status_code == status, (body, headers)
    assert client.get("/api/block_types/slug/local-file-system").json() == kind


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({**FIELDS, "secret_fields": []}, True),
        ({**FIELDS, "definitions": {"Unused": {"type": "string"}}}, True),
        ({**FIELDS, "title": "Other"}, False),
    ],
)
def test_the_checksum_looks_at_what_matters(fields: dict[str, Any], same: bool) -> None:
    assert (checksum(json.dumps(fields)) == checksum(json.dumps(FIELDS))) is same


def test_definitions_that_are_used_count_and_those_of_other_blocks_do_not() -> None:
    base = {"properties": {"a": {"$ref": "#/definitions/Own"}, "b": {"$ref": "#/definitions/Other"}}}
    own, other = {"type": "string", "secret_fields": ["x"]}, {"block_type_slug": "other", "type": "object"}
    full = checksum(json.dumps({**base, "definitions": {"Own": own, "Other": other, "Loose": {}}}))
    assert full == checksum(json.dumps({**base, "definitions": {"Own": {"type": "string"}}}))
    assert full != checksum(json.dumps(base))
    assert checksum(json.dumps({**base, "definitions": {"Own": {}}})) == checksum(json.dumps(base))
