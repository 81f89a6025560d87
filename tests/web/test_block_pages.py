"""The pages of blocks: lists, catalogue, forms that never show a secret, use, tests, deletion."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orion.settings import Settings
from tests.conftest import ASKS_NO_DATABASE
from tests.notify.targets import target
from tests.web.browser import Client
from tests.web.makers import deployment
from tests.web.pages import HTML, act
from tests.web.test_blocks import registered, saved

INNER: dict[str, Any] = {
    "title": "Bucket",
    "type": "object",
    "properties": {"bucket": {"type": "string"}, "key": {"type": "string", "writeOnly": True}},
    "required": ["bucket"],
    "block_type_slug": "bucket",
    "secret_fields": ["key"],
    "block_schema_references": {},
}
CANARY = "canary-5a1e"


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == status, answer.text[:500]
    assert CANARY not in answer.text
    return answer.text


def outer(slug: str) -> dict[str, Any]:
    """A schema with a field of each kind; `staging` is a block of type `slug`."""
    bucket = {**INNER, "block_type_slug": slug}
    return {
        "title": "Warehouse",
        "type": "object",
        "properties": {
            "host": {"type": "string", "description": "Where it is."},
            "port": {"type": "integer", "default": 5432, "minimum": 1},
            "ssl": {"enum": ["off", "on"], "default": "on"},
            "live": {"type": "boolean", "default": True},
            "password": {"title": "Password", "type": "string", "writeOnly": True, "format": "password"},
            "token": {"type": "string", "writeOnly": True, "format": "password"},
            "extras": {"type": "object", "additionalProperties": {"type": "string"}},
            "staging": {"allOf": [{"$ref": "#/definitions/Bucket"}]},
        },
        "required": ["host", "password"],
        "block_type_slug": "warehouse",
        "secret_fields": ["password", "token", "extras.*", "staging.key"],
        "block_schema_references": {"staging": {"block_type_slug": slug, "block_schema_checksum": "x"}},
        "definitions": {"Bucket": bucket},
    }


@pytest.fixture
def types(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of a type and of the type that it may hold."""
    inner = registered(client, INNER)
    return registered(client, outer(inner["block_type"]["slug"])), inner


def clear(client: Client, id: str) -> dict[str, Any]:
    answer = client.get(f"/api/block_documents/{id}", params={"include_secrets": "true"})
    return dict(answer.json()["data"])


def seen(client: Client, id: str) -> dict[str, str]:
    """The hidden fields of the form of a block."""
    form = page(client, f"/blocks/{id}/edit")
    return dict(re.findall(r'type="hidden" name="(seen|schema)" value="([^"]*)"', form))


@pytest.mark.row("UI-22")
def test_a_block_is_made_by_the_form_of_its_type(client: Client, types: Any) -> None:
    schema, inner = types
    slug = schema["block_type"]["slug"]
    held = saved(client, inner, {"bucket": "b", "key": CANARY}, name="held")
    form = page(client, f"/blocks/catalog/{slug}/create")
    assert re.findall(r'name="p\.(\w+)" type="(\w+)"', form) == [
        ("host", "text"), ("port", "number"), ("password", "password"), ("token", "password"),
    ]  # fmt: skip
    assert f'<option value="{held["id"]}">' in form and "Where it is." in form
    sent = {"name": "prod", "p.host": "h", "p.port": "1", "p.ssl": "off", "p.live": "false", "p.password": CANARY,
            "p.token": "", "p.extras": f'{{"k": "{CANARY}"}}', "p.staging": held["id"]}  # fmt: skip
    made = act(client, f"/blocks/catalog/{slug}/create", **sent)
    assert made.status_code == 303, made.text
    id = made.headers["location"].rpartition("/")[2]
    assert clear(client, id) == {
        "host": "h", "port": 1, "ssl": "off", "live": False, "password": CANARY, "extras": {"k": CANARY},
        "staging": {"bucket": "b", "key": CANARY},
    }  # fmt: skip
    shown = page(client, f"/blocks/{id}")
    assert "********" in shown and f'blocks/{held["id"]}"' in shown
    assert f"Block.load(&#34;{slug}/prod&#34;)" in shown and f'data-copy="{slug}/prod"' in shown
    assert f'blocks/{id}/edit"' in shown and f'blocks/{id}/delete"' in shown
    again = act(client, f"/blocks/catalog/{slug}/create", **sent)
    assert again.status_code == 422 and "already" in again.text and CANARY not in again.text
    assert re.findall(r'id="e-([\w.]+)"', again.text) == ["name", "p.password", "p.extras"]


def test_all_faults_of_a_form_come_back_at_once_without_secrets(client: Client, types: Any) -> None:
    slug = types[0]["block_type"]["slug"]
    sent = {"name": "Not Good", "p.host": "", "p.port": "x", "p.ssl": "maybe", "p.password": CANARY,
            "p.extras": f"[{CANARY}", "p.token": CANARY}  # fmt: skip
    answer = act(client, f"/blocks/catalog/{slug}/create", **sent)
    assert answer.status_code == 422 and CANARY not in answer.text
    assert re.findall(r'id="e-([\w.]+)"', answer.text) == [
        "name", "p.host", "p.port", "p.ssl", "p.password", "p.token", "p.extras",
    ]  # fmt: skip
    assert "Type secrets again" in answer.text and 'value="Not Good"' in answer.text
    assert client.post("/api/block_documents/count", json={}).json() == 0


@pytest.mark.row("BLK-05")
def test_a_secret_that_is_left_empty_stays_and_can_be_cleared(client: Client, types: Any) -> None:
    schema, _ = types
    data = {"host": "h", "password": CANARY, "token": CANARY, "extras": {"k": CANARY}, "unknown": 7,
            "staging": {"bucket": "only-here", "key": CANARY}}  # fmt: skip
    id = saved(client, schema, data)["id"]
    form = page(client, f"/blocks/{id}/edit")
    assert form.count("Set; blank keeps it") == 2 and "only here" in form
    assert re.findall(r'name="(clear[\w.]+)"', form) == ["clear.p.token"]
    sent = {"p.host": "other", "p.password": "", "p.token": "", "p.extras": '{"k": "********", "n": "new"}',
            "p.staging": "here", "p.port": "1", "p.ssl": "on", "p.live": "true"}  # fmt: skip
    assert act(client, f"/blocks/{id}/edit", **sent, **seen(client, id)).status_code == 303
    more = {"port": 1, "ssl": "on", "live": True, "host": "other", "extras": {"k": CANARY, "n": "new"}}
    assert clear(client, id) == {**data, **more}
    sent |= {"p.password": "new-one", "clear.p.token": "yes", "p.staging": "", "p.extras": "{}"}
    assert act(client, f"/blocks/{id}/edit", **sent, **seen(client, id)).status_code == 303
    changed = clear(client, id)
    assert changed["password"] == "new-one" and not {"token", "staging"} & changed.keys()


LISTS: dict[str, Any] = {
    "title": "Cluster",
    "type": "object",
    "properties": {
        "token": {"type": "string", "writeOnly": True, "format": "password"},
        "networks": {"type": "array", "items": {"type": "string"}, "default": []},
        "memory": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}], "default": None},
        "swap": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "ports": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"number": {"type": "integer"}, "name": {"type": "string"}},
            },
        },
        "accounts": {"type": "array", "items": {"type": "string", "writeOnly": True}},
    },
    "required": ["token"],
    "block_type_slug": "cluster",
    "secret_fields": ["token", "accounts.*"],
    "block_schema_references": {},
}


def test_lists_and_choices_of_kinds_are_inputs_and_grow_by_buttons(client: Client) -> None:
    """What holds secrets stays JSON, and no answer holds what was typed of them."""
    slug = registered(client, LISTS)["block_type"]["slug"]
    address = f"/blocks/catalog/{slug}/create"
    empty = page(client, address)
    assert 'name="p.networks~" value="list"' in empty and 'name="p.memory~"' in empty
    assert '<textarea id="p.accounts"' in empty
    assert empty.count('<option value="">none</option>') == 2  # neither choice of kinds has to be made
    typed = {"name": "one", "p.token": CANARY, "p.networks~": "list", "p.networks": ["front", "back"]}
    typed |= {
        "p.memory~": "1",
        "p.memory": "512m",
        "p.swap~": "",
        "p.ports~": "1",
        "p.ports.0.number": "eighty",
    }
    more = client.post(address, data={**typed, "add": "p.ports"}, headers=HTML)
    assert more.status_code == 200 and CANARY not in more.text
    for part in (
        'value="front"',
        'value="back"',
        'value="512m"',
        'value="eighty"',
        'name="p.ports.1.number"',
    ):
        assert part in more.text
    assert "Type it again: secrets are not sent back." in more.text and "Nothing was saved" not in more.text
    fewer = client.post(address, data={**typed, "drop": "p.networks.0"}, headers=HTML).text
    assert 'value="back"' in fewer and 'value="front"' not in fewer
    assert client.post("/api/block_documents/filter", json={}).json() == []
    typed["p.ports.0.number"] = "80"
    made = client.post(address, data=typed, headers=HTML, follow_redirects=False)
    assert made.status_code == 303, made.text
    id = made.headers["location"].rpartition("/")[2]
    found = clear(client, id)
    assert found["networks"] == ["front", "back"] and found["memory"] == "512m" and found["token"] == CANARY
    assert found["ports"][0]["number"] == 80 and "swap" not in found
    again = page(client, f"/blocks/{id}/edit")
    assert 'value="front"' in again and 'value="512m"' in again
    change = {
        **seen(client, id),
        "p.networks~": "list",
        "p.networks": ["back"],
        "p.memory~": "0",
        "p.memory": "5",
    }
    drawn = client.post(f"/blocks/{id}/edit", data={**change, "preview": "1"}, headers=HTML)
    assert drawn.status_code == 200 and clear(client, id)["networks"] == ["front", "back"]
    assert (
        client.post(f"/blocks/{id}/edit", data=change, headers=HTML, follow_redirects=False).status_code
        == 303
    )
    found = clear(client, id)
    assert (found["networks"], found["memory"], found["token"]) == (["back"], 5, CANARY)


def test_of_two_who_edit_at_once_the_second_is_told(client: Client, clock: Any, types: Any) -> None:
    from datetime import timedelta

    id = saved(client, types[0], {"host": "h", "password": "p"})["id"]
    first = seen(client, id)
    clock.now += timedelta(seconds=1)
    form = {"p.host": "mine", "p.port": "1", "p.ssl": "on", "p.password": ""}
    assert act(client, f"/blocks/{id}/edit", **form, **first).status_code == 303
    late = act(client, f"/blocks/{id}/edit", **{**form, "p.host": "theirs"}, **first)
    assert late.status_code == 422 and "Somebody changed this block" in late.text and "theirs" in late.text
    assert clear(client, id)["host"] == "mine"


@pytest.mark.row("BLK-08")
def test_a_block_of_an_older_schema_says_so_and_can_be_saved_with_the_new_one(
    client: Client, types: Any
) -> None:
    schema, inner = types
    fields = outer(inner["block_type"]["slug"])
    document = saved(client, schema, {"host": "h", "password": CANARY})
    assert "have changed" not in page(client, f"/blocks/{document['id']}")
    fields["properties"]["region"] = {"type": "string", "default": "eu"}
    newer = client.post(
        "/api/block_schemas/", json={"fields": fields, "block_type_id": schema["block_type_id"]}
    ).json()
    assert "have changed" in page(client, f"/blocks/{document['id']}")
    assert 'name="p.region"' not in page(client, f"/blocks/{document['id']}/edit")
    form = page(client, f"/blocks/{document['id']}/edit?schema=newest")
    assert 'name="p.region"' in form
    hidden = dict(re.findall(r'type="hidden" name="(seen|schema)" value="([^"]*)"', form))
    sent = {"p.host": "h", "p.port": "1", "p.ssl": "on", "p.password": "", "p.region": "us"}
    assert act(client, f"/blocks/{document['id']}/edit", **sent, **hidden).status_code == 303
    after = client.get(f"/api/block_documents/{document['id']}").json()
    assert after["block_schema_id"] == newer["id"] and clear(client, document["id"])["password"] == CANARY


@pytest.mark.row("UI-22")
def test_the_list_groups_by_type_searches_and_says_where_blocks_are_used(client: Client, types: Any) -> None:
    schema, inner = types
    assert "No blocks yet" in page(client, "/blocks")
    held = saved(client, inner, {"bucket": "visible", "key": CANARY}, name="held")
    link = {"$ref": {"block_document_id": held["id"]}}
    holder = saved(client, schema, {"host": "h", "password": CANARY, "staging": link}, name="holder")
    saved(client, inner, {"key": CANARY}, name="alone")
    saved(client, inner, {"bucket": "x"}, name=None, is_anonymous=True)
    deployment(client, storage_document_id=held["id"])
    text = f"{{{{ orion.blocks.{inner['block_type']['slug']}.held }}}}"
    named = deployment(client, parameters={"x": text})
    listed = page(client, "/blocks")
    assert ">3 blocks<" in listed and "anonymous" not in listed
    assert "visible" in listed and "value set" in listed and re.search(r"1 (block, 1 )?deployment", listed)
    assert page(client, "/blocks?q=HELD").count('class="logo"') < listed.count('class="logo"')
    assert "No block matches" in page(client, "/blocks?q=%25") and "holder" in page(client, "/blocks?can=zap")
    one = page(client, f"/blocks/{held['id']}")
    assert f"blocks/{holder['id']}" in one and f"deployments/{named['id']}" in one
    asked = page(client, f"/blocks/{held['id']}/delete")
    assert "holds it" in asked and "stores its code here" in asked and "names it" in asked
    gone = act(client, f"/blocks/{held['id']}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, "../../blocks")
    assert "a block that was deleted" in page(client, f"/blocks/{holder['id']}")
    assert "a block that was deleted" in page(client, f"/blocks/{holder['id']}/edit")


def test_ten_thousand_are_paged(client: Client) -> None:
    schema = registered(client)
    store = client.app.state.store

    def fill(conn: Any) -> None:
        data, now = conn.one("SELECT data, created FROM block_document LIMIT 1")
        conn.many(
            "INSERT INTO block_document "
            "(id, created, updated, name, block_type_id, block_schema_id, is_anonymous, data) "
            "VALUES (:id, :now, :now, :name, :type, :schema, :no, :data)",
            [
                {"id": f"{number:08}-0000-4000-8000-000000000000", "now": now, "name": f"n-{number:05}", "no": False,
                 "type": schema["block_type_id"], "schema": schema["id"], "data": data}
                for number in range(10_000)
            ],
        )  # fmt: skip

    saved(client, schema, {"user": "u"}, name="a-first")
    client.wait(store.write(fill))
    first = page(client, "/blocks")
    assert "1–50 of 10,001 blocks" in first and "n-00048" in first and "n-00049" not in first
    last = page(client, "/blocks?page=201")
    assert "n-09999" in last and "10,001–10,001 of 10,001" in last


@pytest.mark.row("UI-22")
def test_the_catalogue_shows_types_by_what_they_can_do(client: Client) -> None:
    every = page(client, "/blocks/catalog")
    assert "Secret" in every and "Slack Webhook" in every and "Kubernetes Cluster Config" in every
    notify = page(client, "/blocks/catalog?can=notify")
    assert "Slack Webhook" in notify and "Local File System" not in notify
    assert "No type matches" in page(client, "/blocks/catalog?q=nothing-like-it")
    kind = page(client, "/blocks/catalog/secret")
    assert "Secret.load(" in kind and "secret/create" in kind
    page(client, "/blocks/catalog/none", 404)
    bare = client.post("/api/block_types/", json={"name": "Bare", "slug": "bare"})
    assert bare.status_code == 201
    assert "no schema is known" in page(client, "/blocks/catalog/bare")
    page(client, "/blocks/catalog/bare/create", 404)


def test_every_built_in_type_has_a_form(client: Client) -> None:
    kinds = client.post("/api/block_types/filter", json={}).json()
    for kind in kinds:
        assert 'id="form"' in page(client, f"/blocks/catalog/{kind['slug']}/create")
        assert kind["description"].split(".")[0][:20] in page(
            client, f"/blocks/catalog/{kind['slug']}"
        ).replace("&#39;", "'")


@pytest.mark.row("UI-22")
def test_a_block_that_sends_can_be_tested_and_no_other(client: Client, types: Any) -> None:
    with target() as hook:
        made = act(client, "/blocks/catalog/slack-webhook/create", **{"name": "chat", "p.url": hook.url})
        id = made.headers["location"].rpartition("/")[2]
        answer = act(client, f"/blocks/{id}/test")
        assert answer.status_code == 200 and "Delivered: " in answer.text
        assert len(hook.received) == 1
    for names in (["Failed", "Late"], []):
        policy = {"state_names": names, "tags": [], "block_document_id": id}
        client.post("/api/flow_run_notification_policies/", json=policy)
    for place in (f"/blocks/{id}", f"/blocks/{id}/delete"):
        assert {"for Failed or Late", "for any state"} <= set(re.findall(r"for [\w ]+", page(client, place)))
    broken = act(client, f"/blocks/{id}/test")
    assert "Not delivered: " in broken.text and hook.url not in broken.text
    other = saved(client, types[0], {"host": "h", "password": "p"})
    assert act(client, f"/blocks/{other['id']}/test").status_code == 422


@pytest.mark.row("BLK-04")
def test_with_another_key_the_list_is_there_and_the_page_says_what_is_wrong(
    client: Client, settings: Settings
) -> None:
    id = saved(client, registered(client), {"user": "me"})["id"]
    key = Path(settings.home) / "secret.key"
    key.write_text("another key, by accident\n")
    assert "another key" in page(client, "/blocks")
    assert "ORION_ENCRYPTION_KEY" in page(client, f"/blocks/{id}")
    assert "ORION_ENCRYPTION_KEY" in page(client, f"/blocks/{id}/edit", 500)
    key.unlink()
    assert "restore" in page(client, f"/blocks/{id}")


@pytest.mark.row("UI-02")
@ASKS_NO_DATABASE
def test_old_addresses_lead_to_the_new_ones(client: Client) -> None:
    known = "00000000-0000-4000-8000-000000000001"
    for old, new in (
        (f"/block/{known}", f"../blocks/{known}"),
        (f"/block/{known}/edit", f"../../blocks/{known}/edit"),
        (f"/blocks/block/{known}", f"../../blocks/{known}"),
        (f"/blocks/block/{known}/edit", f"../../../blocks/{known}/edit"),
        (f"/notifications/edit/{known}", f"../../notifications/{known}/edit"),
        (f"/artifacts/artifact/{known}", f"../../artifacts/{known}"),
    ):
        answer = client.get(old, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (308, new)
