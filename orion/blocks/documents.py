"""Between a block and the JSON of its document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orion.blocks import registry
from orion.blocks.core import Block
from orion.blocks.secrets import SECRETS
from orion.errors import Invalid
from orion.model.blocks import BlockDocument
from orion.model.wire import unraw

SLUG = "block_type_slug"
Reference = dict[str, Any]


def to_data(block: Block) -> dict[str, Any]:
    """The values of a block as JSON: saved blocks inside it as links, others whole, secrets in clear."""
    return {name: _builtin(getattr(block, name)) for name in block._block_fields}


def from_data(cls: type[Block], data: Any) -> Block:
    """A block of its data; the slug in the data chooses among the subclasses of `cls`."""
    if not isinstance(data, dict):
        raise ValueError(f"Expected the block {cls.__name__}, got `{type(data).__name__}`")
    if "$ref" in data:
        raise ValueError("the block that is linked here has been deleted")
    slug = data.get(SLUG)
    chosen = registry.find(slug) if isinstance(slug, str) and slug != cls.get_block_type_slug() else cls
    if not issubclass(chosen, cls):
        raise ValueError(f"Expected the block {cls.__name__}, got one of the type {slug!r}")
    try:
        return chosen.from_values(data)
    except Invalid as error:
        raise ValueError(error.message) from None


def of_document(cls: type[Block], document: BlockDocument, name: str) -> Block:
    """The block of a document; blocks that are linked inside know that they are saved."""
    data = unraw(document.data)
    links = dict(_links(document.block_document_references))
    for path, reference in links.items():
        inside = _at(data, path)
        if isinstance(inside, dict):
            inside[SLUG] = (reference.get("block_type") or {}).get("slug")
    try:
        block = cls.from_values(data)
    except Invalid as error:
        raise Invalid(f"The saved block {name} cannot be loaded. {error.message}") from None
    _mark(block, document.id, document.name, document.is_anonymous)
    for path, reference in links.items():
        inside = _at(block, path)
        if isinstance(inside, Block):
            _mark(inside, reference["id"], reference.get("name"), bool(reference.get("is_anonymous")))
    return block


def _mark(block: Block, document_id: str, name: str | None, is_anonymous: bool) -> None:
    block._block_document_id, block._block_document_name = document_id, name
    block._is_anonymous = is_anonymous


def _links(references: Reference, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Reference]]:
    """Every linked document with the path to where it stands."""
    for name, found in references.items():
        inside = (
            {"": found["block_document"]} if found.get("block_document") else found.get("block_documents", {})
        )
        for rest, reference in inside.items():
            path = (*above, name, *(rest.split(".") if rest else ()))
            yield path, reference
            yield from _links(reference.get("block_document_references") or {}, path)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path in data or in a block; None for nothing."""
    for step in path:
        match value:
            case dict():
                value = value.get(step)
            case list() | tuple() if step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            case Block():
                value = getattr(value, step, None)
            case _:
                return None
    return value


def _builtin(value: Any) -> Any:
    match value:
        case Block():
            return _of_block(value)
        case dict():
            return {str(key): _builtin(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_builtin(inner) for inner in value]
    if isinstance(value, SECRETS):
        return _builtin(value.get_secret_value())
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_hook)


def _of_block(block: Block) -> dict[str, Any]:
    if block._block_document_id is not None:
        return {"$ref": {"block_document_id": block._block_document_id}}
    return {**to_data(block), SLUG: block.get_block_type_slug()}


def _hook(value: Any) -> Any:
    return _builtin(value) if isinstance(value, (Block, *SECRETS)) else str(value)
