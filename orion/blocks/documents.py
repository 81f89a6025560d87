"""Between a block and the JSON of its document."""

from __future__ import annotations

from typing import Any

import msgspec

from orion.blocks import registry
from orion.blocks.core import Block
from orion.blocks.secrets import SECRETS

SLUG = "block_type_slug"


def to_data(block: Block) -> dict[str, Any]:
    """The values of a block as JSON: saved blocks inside it as links, others whole, secrets in clear."""
    return {name: _builtin(getattr(block, name)) for name in block._block_fields}


def from_data(cls: type[Block], data: Any) -> Block:
    """A block of its data; the slug in the data chooses among the subclasses of `cls`."""
    if not isinstance(data, dict):
        raise ValueError(f"Expected the block {cls.__name__}, got `{type(data).__name__}`")
    if "$ref" in data:
        raise ValueError("The block that is linked here has been deleted")
    slug = data.get(SLUG)
    chosen = registry.find(slug) if isinstance(slug, str) and slug != cls.get_block_type_slug() else cls
    if not issubclass(chosen, cls):
        raise ValueError(f"Expected the block {cls.__name__}, got one of the type {slug!r}")
    return chosen.from_values(data)


def _builtin(value: Any) -> Any:
    match value:
        case Block():
            return _of_block(value)
        case dict():
            return {key: _builtin(inner) for key, inner in value.items()}
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
