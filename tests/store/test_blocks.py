"""Block types, schemas and documents in the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import Raw

from orion.errors import Conflict, NotFound
from orion.model import filters as f
from orion.model.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
    BlockTypeUpdate,
)
from orion.model.ids import new_id
from orion.store import Store, block_documents, block_schemas, block_types
from tests.store.world import NOW

LATER = NOW + timedelta(seconds=1)
FIELDS = Raw(b'{"title": "S3",  "properties": {"n": 1.0}}')


def kind(store: Store, slug: str = "s3") -> BlockType:
    return store.write_now(block_types.create, BlockTypeCreate(name=slug.upper(), slug=slug), NOW)


def schema(
    store: Store, of: BlockType, checksum: str = "sha256:1", now: Any = NOW, **fields: Any
) -> BlockSchema:
    wanted = BlockSchemaCreate(fields=FIELDS, block_type_id=of.id, **fields)
    return store.write_now(block_schemas.create, wanted, checksum, now)[0]


def document(store: Store, of: BlockSchema, name: str = "mine", **fields: Any) -> BlockDocument:
    wanted = BlockDocumentCreate(
        name=name, data=Raw(b'{"a": 1}'), block_schema_id=of.id, block_type_id=of.block_type_id
    )
    for field, value in fields.items():
        setattr(wanted, field, value)
    return store.write_now(block_documents.create, wanted, NOW)


@pytest.mark.row("DB-11")
def test_name_and_slug_of_a_type_are_taken_once(store: Store) -> None:
    made = kind(store)
    for name, slug in (("S3", "other"), ("Other", "s3")):
        with pytest.raises(Conflict):
            store.write_now(block_types.create, BlockTypeCreate(name=name, slug=slug), NOW)
    assert store.read_now(block_types.get, made.id) == store.read_now(block_types.by_slug, "s3") == made
    assert (
        store.read_now(block_types.by_slug, "S3") is None
        and store.read_now(block_types.get, new_id()) is None
    )


def test_a_type_is_changed_and_deleted_with_all_that_is_of_it(store: Store) -> None:
    made = kind(store)
    store.write_now(block_types.update, made.id, BlockTypeUpdate(description="d", logo_url=None), LATER)
    found = store.read_now(block_types.by_slug, "s3")
    assert found is not None and (found.description, found.name, found.updated) == ("d", "S3", LATER)
    filled = document(store, schema(store, made))
    store.write_now(block_types.delete, made.id)
    assert store.read_now(block_documents.get, filled.id) is None
    assert store.read_now(block_schemas.get, filled.block_schema_id) is None
    for write, args in ((block_types.update, (BlockTypeUpdate(), NOW)), (block_types.delete, ())):
        with pytest.raises(NotFound, match="Block type not found"):
            store.write_now(write, made.id, *args)


def test_checksum_and_version_make_one_schema(store: Store) -> None:
    made = kind(store)
    first = schema(store, made, capabilities=["put-directory"], version="1")
    again, created = store.write_now(
        block_schemas.create,
        BlockSchemaCreate(fields=FIELDS, block_type_id=made.id, version="1"),
        "sha256:1",
        LATER,
    )
    newer = schema(store, made, now=LATER, version="2")
    assert not created and again == first and newer.id != first.id
    assert bytes(first.fields) == bytes(FIELDS) and first.block_type == made
    assert store.read_now(block_schemas.by_checksum, "sha256:1") == newer
    assert store.read_now(block_schemas.by_checksum, "sha256:1", "1") == first
    assert store.read_now(block_schemas.by_checksum, "sha256:1", "3") is None
    assert store.read_now(block_schemas.get, first.id) == first
    store.write_now(block_schemas.delete, first.id)
    assert store.read_now(block_schemas.get, first.id) is None
    with pytest.raises(NotFound):
        store.write_now(block_schemas.delete, first.id)


def test_schemas_and_types_are_found_by_capability(store: Store) -> None:
    files, mail = kind(store, "s3"), kind(store, "mail")
    one = schema(store, files, "sha256:1", capabilities=["get-directory", "put-directory"])
    two = schema(store, mail, "sha256:2", now=LATER, capabilities=["notify"])
    assert store.read_now(block_schemas.capabilities) == ["get-directory", "notify", "put-directory"]

    def found(**criteria: Any) -> list[str]:
        return [each.id for each in store.read_now(block_schemas.filter, f.BlockSchemaFilter(**criteria), 10)]

    both = f.TagsCriterion(all_=["put-directory", "get-directory"])
    assert found() == [two.id, one.id]
    assert found(block_capabilities=both) == [one.id]
    assert found(block_capabilities=f.TagsCriterion(all_=["put"])) == []
    assert found(block_type_id=f.IdCriterion(any_=[mail.id])) == [two.id]
    able = f.BlockSchemaFilter(block_capabilities=f.TagsCriterion(all_=["notify"]))
    assert store.read_now(block_types.filter, None, able, 10) == [mail]
    named = f.BlockTypeFilter(name=f.NameCriterion(like_="s"))
    assert [each.slug for each in store.read_now(block_types.filter, named, None, 10)] == ["s3"]
    assert [each.slug for each in store.read_now(block_types.filter, None, None, 10)] == ["mail", "s3"]


@pytest.mark.row("DB-11")
def test_type_and_name_make_one_document_shown_with_its_schema_and_type(store: Store) -> None:
    of = schema(store, kind(store))
    made = document(store, of)
    with pytest.raises(Conflict, match="Block already exists"):
        document(store, of)
    assert (made.block_schema, made.block_type, made.block_type_name) == (of, of.block_type, "S3")
    assert bytes(made.data) == b'{"a": 1}'
    found = store.read_now(block_documents.by_name, "s3", "mine")
    assert found == store.read_now(block_documents.get, made.id) == made
    assert store.read_now(block_documents.by_name, "mail", "mine") is None
    other = schema(store, kind(store, "mail"), "sha256:2")
    assert document(store, other).id != made.id
    with pytest.raises(Conflict, match="another block type"):
        document(store, of, "x", block_type_id=other.block_type_id)


def test_documents_are_changed_deleted_filtered_and_counted(store: Store) -> None:
    of, other = schema(store, kind(store)), schema(store, kind(store, "mail"), "sha256:2")
    made = document(store, of)
    document(store, other, "alpha")
    hidden = document(store, of, "anonymous-1", is_anonymous=True)
    store.write_now(block_documents.update, made.id, of.id, Raw(b'{"b": 2}'), LATER)
    found = store.read_now(block_documents.get, made.id)
    assert found is not None and (bytes(found.data), found.updated) == (b'{"b": 2}', LATER)

    def names(*criteria: Any, sort: str | None = None) -> list[str | None]:
        wanted = [*criteria, None, None, None][:3]
        listed = [each.name for each in store.read_now(block_documents.filter, *wanted, sort, 10)]
        assert store.read_now(block_documents.count, *wanted) == len(listed)
        return listed

    visible = f.BlockDocumentFilter(is_anonymous=f.EqualsCriterion(eq_=False))
    assert names() == ["alpha", "anonymous-1", "mine"] and names(sort="NAME_DESC") == [
        "mine",
        "anonymous-1",
        "alpha",
    ]
    assert names(visible) == ["alpha", "mine"]
    assert names(None, f.BlockTypeFilter(slug=f.TextCriterion(any_=["mail"]))) == ["alpha"]
    assert names(None, None, f.BlockSchemaFilter(id=f.IdCriterion(any_=[of.id]))) == ["anonymous-1", "mine"]
    first = "s3" if of.block_type_id < other.block_type_id else "mail"
    expected = ["anonymous-1", "mine", "alpha"] if first == "s3" else ["alpha", "anonymous-1", "mine"]
    assert names(sort="BLOCK_TYPE_AND_NAME_ASC") == expected
    store.write_now(block_documents.delete, hidden.id)
    for write, args in ((block_documents.delete, ()), (block_documents.update, (of.id, FIELDS, NOW))):
        with pytest.raises(NotFound, match="Block document not found"):
            store.write_now(write, hidden.id, *args)
