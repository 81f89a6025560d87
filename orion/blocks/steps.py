"""What registering, saving, loading and deleting ask of the API, step by step; `api.run` takes the steps."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

from orion.blocks import documents, registry
from orion.blocks.core import Block
from orion.blocks.schema import inner_blocks
from orion.errors import Conflict, Invalid, NotFound, OrionError
from orion.model.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockDocumentUpdate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
    BlockTypeUpdate,
    check_name,
)
from orion.model.wire import raw

T = TypeVar("T")


class Ask(NamedTuple):
    """One request: a method of the client, by name."""

    name: str
    args: tuple[Any, ...] = ()


Steps = Generator[Ask, Any, T]


def ask(name: str, *args: Any) -> Steps[Any]:
    """The answer to a request."""
    return (yield Ask(name, args))


def found(name: str, *args: Any) -> Steps[Any]:
    """The answer, or None where there is no such object."""
    try:
        return (yield Ask(name, args))
    except OrionError as error:
        if error.status != 404:
            raise
        return None


def register(cls: type[Block], above: tuple[type[Block], ...] = ()) -> Steps[BlockSchema]:
    """Make the type and the schema known; blocks inside come first."""
    if cls is Block:
        raise Invalid("Block itself is no kind of block: register a class that derives from it.")
    for inner in inner_blocks(cls):
        if inner not in above:
            yield from register(inner, (*above, cls))
    kind = yield from _register_type(cls)
    version = cls._block_schema_version
    schema: BlockSchema | None = yield from found(
        "read_block_schema_by_checksum", cls.get_block_checksum(), version
    )
    if schema is not None:
        return schema
    wanted = BlockSchemaCreate(
        fields=raw(cls.get_block_schema()),
        block_type_id=kind.id,
        capabilities=cls.get_block_capabilities(),
        version=version,
    )
    made: BlockSchema = yield from ask("create_block_schema", wanted)
    return made


def _register_type(cls: type[Block]) -> Steps[BlockType]:
    slug = cls.get_block_type_slug()
    words = {
        "logo_url": cls._logo_url,
        "documentation_url": cls._documentation_url,
        "description": cls.get_description(),
        "code_example": cls.get_code_example(),
    }
    kind: BlockType | None = yield from found("read_block_type_by_slug", slug)
    if kind is None:
        wanted = BlockTypeCreate(name=cls.get_block_type_name(), slug=slug, **words)
        made: BlockType = yield from ask("create_block_type", wanted)
        return made
    differs = any(getattr(kind, name) != value for name, value in words.items())
    if differs and not kind.is_protected:
        yield from ask("update_block_type", kind.id, BlockTypeUpdate(**words))
    return kind


def save(block: Block, name: str | None, overwrite: bool, is_anonymous: bool) -> Steps[str]:
    """Save a block; its document id."""
    name = name or block._block_document_name
    if name is None and not is_anonymous:
        raise Invalid(
            'A block is saved under a name: block.save("name"), or without one by is_anonymous=True.'
        )
    if name is not None and not is_anonymous:
        check_name(name)
    schema = yield from register(type(block))
    data = raw(documents.to_data(block))
    wanted = BlockDocumentCreate(
        name=None if is_anonymous else name,
        data=data,
        block_schema_id=schema.id,
        block_type_id=schema.block_type_id,
        is_anonymous=is_anonymous,
    )
    try:
        document: BlockDocument = yield Ask("create_block_document", (wanted,))
    except OrionError as error:
        if error.status != 409:
            raise
        document = yield from _overwrite(block, str(name), overwrite, schema, data)
    block._block_document_id, block._block_document_name = document.id, document.name
    block._is_anonymous = is_anonymous
    return document.id


def _overwrite(
    block: Block, name: str, allowed: bool, schema: BlockSchema, data: Any
) -> Steps[BlockDocument]:
    slug = block.get_block_type_slug()
    if not allowed:
        raise Conflict(
            f"The block {slug}/{name} is saved already: save it with overwrite=True, or under another name."
        )
    before = yield from _document(slug, name)
    change = BlockDocumentUpdate(block_schema_id=schema.id, data=data, merge_existing_data=False)
    yield from ask("update_block_document", before.id, change)
    return before


def load(cls: type[Block], name: str) -> Steps[Block]:
    """Load a block by its name, or by `slug/name`."""
    document = yield from _document(*_slug_and_name(cls, name), secrets=True)
    return of_document(cls, document)


def load_by_id(cls: type[Block], document_id: str) -> Steps[Block]:
    """Load a block by the id of its document."""
    document = yield from found("read_block_document", document_id, True)
    if document is None:
        raise NotFound(f"There is no block document with the id {document_id}.")
    return of_document(cls, document)


def delete(cls: type[Block], name: str) -> Steps[None]:
    """Delete a block by its name, or by `slug/name`."""
    document = yield from _document(*_slug_and_name(cls, name))
    yield from ask("delete_block_document", document.id)


def _document(slug: str, name: str, secrets: bool = False) -> Steps[BlockDocument]:
    document: BlockDocument | None = yield from found("read_block_document_by_name", slug, name, secrets)
    if document is None:
        raise NotFound(f"There is no block {slug}/{name}. `orion block ls` lists those that are saved.")
    return document


def _slug_and_name(cls: type[Block], name: str) -> tuple[str, str]:
    slug, slash, rest = name.partition("/")
    if slash:
        return slug, rest
    if cls is Block:
        raise Invalid(f'Block.load takes the slug of the type and the name: Block.load("secret/{name}").')
    return cls.get_block_type_slug(), name


def of_document(cls: type[Block], document: BlockDocument) -> Block:
    """The block of a document; warns when it was saved under another schema of its type."""
    kind, schema = document.block_type, document.block_schema
    slug = kind.slug if kind else cls.get_block_type_slug()
    chosen = cls if cls is not Block and slug == cls.get_block_type_slug() else registry.find(slug)
    if not issubclass(chosen, cls):
        raise Invalid(f"The block {slug}/{document.name} is a {chosen.__name__}, not a {cls.__name__}.")
    if schema is not None and schema.checksum != chosen.get_block_checksum():
        warnings.warn(_other_schema(chosen, slug, document.name, schema.checksum), stacklevel=5)
    return documents.of_document(chosen, document, f"{slug}/{document.name}")


def _other_schema(cls: type[Block], slug: str, name: str | None, checksum: str) -> str:
    return (
        f"The block {slug}/{name} was saved under another schema ({checksum[:19]}…) than {cls.__name__} has here "
        f"({cls.get_block_checksum()[:19]}…): fields may be missing. "
        "Save it again with overwrite=True to bring it up to date."
    )
