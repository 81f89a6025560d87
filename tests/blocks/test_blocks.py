"""Blocks are declared by annotations, saved under a name, and loaded as what they were."""

from __future__ import annotations

import asyncio
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from orion.blocks import (
    JSON,
    Block,
    DateTime,
    NotificationBlock,
    Secret,
    SecretDict,
    SecretStr,
    String,
    field,
)
from orion.blocks.documents import to_data
from orion.errors import Conflict, Invalid, NotFound
from orion.model.checksums import checksum
from orion.model.wire import encode
from orion.sdk.client import SyncClient


class Login(Block):
    """How to log in.

    Two words are enough.

    Example:
        login = Login.load("office")
    """

    user: str
    password: SecretStr | None = None
    port: int = field(22, title="The port", description="Where it listens.")
    way: Literal["key", "password"] = "key"
    headers: SecretDict = field(default_factory=SecretDict)


class Wide(Login):
    _block_type_name = "Wide Login"
    _description = "A wide one."
    _code_example = "Wide()"
    _logo_url = "https://logo.example/x.png"

    hosts: list[str] = []


class Job(Block):
    login: Login
    more: list[Login] = []
    named: dict[str, Login] = {}


@pytest.mark.row("BLK-01")
def test_fields_have_types_defaults_and_methods() -> None:
    login = Login(user="me", port="80")
    assert (login.user, login.port, login.way, login.password) == ("me", 80, "key", None)
    login.port = "81"
    assert login.port == 81 and login == Login(user="me", port=81) != Login(user="you")
    one, two = Wide(user="a"), Wide(user="b")
    one.hosts.append("x")
    assert two.hosts == [] and one.get_block_type_slug() == "wide-login"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "user: it is required"),
        ({"user": "a", "port": "x"}, "port: Expected `int`"),
        ({"user": "a", "way": "wood"}, "way: Invalid enum value"),
        ({"user": "a", "size": 1}, "no field 'size'"),
        ({"user": "a", "password": 5}, "password: Expected a secret `str`"),
    ],
)
def test_a_bad_value_names_its_field_and_the_fields_there_are(values: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said) as error:
        Login(**values)
    assert "port (optional)" in error.value.message


def test_a_field_may_not_take_the_name_of_a_method() -> None:
    with pytest.raises(Invalid, match="'save'"):

        class Bad(Block):
            save: str


@pytest.mark.row("BLK-02")
def test_a_block_is_saved_loaded_overwritten_and_deleted(home: Path) -> None:
    login = Login(user="me", password="pass-word", headers={"k": "v-a-l"})
    login.save("office")
    for found in (Login.load("office"), Block.load("login/office"), Login.load("login/office")):
        assert found == login and isinstance(found, Login)
        assert found.password is not None and found.password.get_secret_value() == "pass-word"
    with pytest.raises(Conflict, match="login/office is saved already"):
        Login(user="you").save("office")
    Login(user="you").save("office", overwrite=True)
    assert Login.load("office") == Login(user="you")
    Login.delete("office")
    with pytest.raises(NotFound, match="no block login/office"):
        Login.load("office")


@pytest.mark.row("BLK-02")
def test_async_code_awaits_the_same_methods(home: Path) -> None:
    async def all_of_it() -> str:
        await String(value="hello").save("greeting")
        found = await String.load("greeting")
        await String.delete("greeting")
        return str(found.value)

    assert asyncio.run(all_of_it()) == "hello"


def test_values_come_back_as_they_were(home: Path) -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    for block in (JSON(value={"a": [1, None, 2.5]}), DateTime(value=moment), Secret(value={"k": ["x"]})):
        block.save("kept")
        assert type(block).load("kept") == block
    assert Secret.load("kept").get() == {"k": ["x"]}


@pytest.mark.row("BLK-03")
def test_a_class_is_registered_with_its_inner_ones_and_the_base_is_refused(client: SyncClient) -> None:
    Job.register()
    Job.register()
    assert {kind.slug for kind in client.read_block_types()} >= {"job", "login"}
    kind = client.read_block_type_by_slug("login")
    schemas = client.read_block_schemas(block_schemas={"block_type_id": {"any_": [kind.id]}})
    assert [schema.checksum for schema in schemas] == [Login.get_block_checksum()]
    with pytest.raises(Invalid, match="Block itself"):
        Block.register()


@pytest.mark.row("BLK-06")
def test_saved_children_are_linked_and_follow_edits_and_others_are_copied_in(home: Path) -> None:
    child = Login(user="one", password="first-secret")
    child.save("child")
    Job(login=child, more=[child, Login(user="copy")], named={"a": child}).save("job")
    child.user, child.password = "two", "second-secret"
    child.save("child", overwrite=True)
    job = Job.load("job")
    assert [job.login.user, job.named["a"].user, *(login.user for login in job.more)] == [
        "two",
        "two",
        "two",
        "copy",
    ]
    assert job.login.password == SecretStr("second-secret")
    linked = {"$ref": {"block_document_id": child._block_document_id}}
    again = to_data(job)
    assert (again["login"], again["more"][0], again["named"]["a"]) == (linked, linked, linked)
    assert again["more"][1]["block_type_slug"] == "login"


@pytest.mark.row("BLK-06")
def test_a_block_whose_child_is_gone_says_so(home: Path) -> None:
    child = Login(user="one")
    child.save("child")
    Job(login=child).save("job")
    Login.delete("child")
    with pytest.raises(Invalid, match=r"job/job cannot be loaded.*login: .*deleted"):
        Job.load("job")


@pytest.mark.row("BLK-07")
def test_the_docstring_describes_the_type_unless_the_class_does(client: SyncClient) -> None:
    class Odd(Block):
        _block_type_slug = "own-slug"

    assert (Odd.get_block_type_slug(), Odd.get_block_type_name()) == ("own-slug", "Odd")
    Wide.register()
    Login.register()
    login, wide = client.read_block_type_by_slug("login"), client.read_block_type_by_slug("wide-login")
    assert login.name == "Login" and login.description == "How to log in.\n\nTwo words are enough."
    assert login.code_example == '```python\nlogin = Login.load("office")\n```'
    assert (wide.name, wide.description, wide.code_example) == ("Wide Login", "A wide one.", "Wide()")
    assert wide.logo_url == "https://logo.example/x.png"


@pytest.mark.row("BLK-08")
def test_loading_with_another_schema_warns(home: Path) -> None:
    class Note(Block):
        _block_type_slug = "note"
        text: str

    Note(text="x").save("n")
    before = Note.get_block_checksum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Note.load("n").text == "x"

    class Longer(Block):
        _block_type_slug = "note"
        text: str
        more: str = ""

    assert Longer.get_block_checksum() != before
    with pytest.warns(UserWarning, match="saved under another schema"):
        assert Longer.load("n").text == "x"


@pytest.mark.row("BLK-08")
def test_the_server_computes_the_checksum_that_the_class_has(client: SyncClient) -> None:
    schema = Job.register()
    assert schema.checksum == Job.get_block_checksum() == checksum(encode(Job.get_block_schema()))
    inner = Job.get_block_schema()["block_schema_references"]["login"]
    assert inner == {"block_type_slug": "login", "block_schema_checksum": Login.get_block_checksum()}


@pytest.mark.row("BLK-05")
def test_the_schema_names_secrets_also_those_of_inner_blocks() -> None:
    assert Login.get_block_schema()["secret_fields"] == ["password", "headers.*"]
    paths = Job.get_block_schema()["secret_fields"]
    assert {"login.password", "more.*.password", "named.*.headers.*"} <= set(paths)
    assert Login.get_block_schema()["properties"]["password"]["format"] == "password"


@pytest.mark.row("BLK-09")
def test_capabilities_come_from_the_bases_and_serve_filters(client: SyncClient) -> None:
    class Pager(NotificationBlock):
        _block_schema_capabilities = ("beep",)

    assert Pager.get_block_capabilities() == ["beep", "notify"]
    Pager.register()
    able = client.read_block_types(block_schemas={"block_capabilities": {"all_": ["beep"]}})
    assert [kind.slug for kind in able] == ["pager"]
    assert {"beep", "notify", "read-path", "write-path", "run-infrastructure"} <= set(
        client.read_block_capabilities()
    )


@pytest.mark.row("BLK-10")
def test_an_anonymous_block_is_found_by_its_id_only(client: SyncClient) -> None:
    document_id = String(value="x").save(is_anonymous=True)
    assert client.read_block_documents() == []
    found = Block.load_by_id(document_id)
    assert isinstance(found, String) and found.value == "x" and found._is_anonymous


@pytest.mark.row("BLK-11")
def test_built_in_types_cannot_be_changed_or_deleted(client: SyncClient) -> None:
    kind = client.read_block_type_by_slug("secret")
    assert kind.is_protected
    for refused in (
        lambda: client.delete_block_type(kind.id),
        lambda: client._patch(f"/block_types/{kind.id}", {}),
    ):
        with pytest.raises(Exception, match="403"):
            refused()
    assert client.read_block_type_by_slug("secret") == kind


@pytest.mark.row("BLK-13")
@pytest.mark.parametrize("name", ["a/b", "a%b", "a&b", "<b>", "Upper", "ümläut", "a b", "x" * 256, ""])
def test_a_name_with_odd_characters_is_refused_before_it_is_asked_for(client: SyncClient, name: str) -> None:
    class Odd(Block):
        n: int = 1

    with pytest.raises(Invalid, match="small letters" if name else "under a name"):
        Odd().save(name)
    assert client.count_block_documents() == 0
    with pytest.raises(Exception, match="422"):
        client._post("/block_types/", {"name": f"{name}/", "slug": "fine"})
