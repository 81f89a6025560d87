"""Storages as people name them: a block, or `type/name` of a saved one with a folder in it."""

from __future__ import annotations

from typing import Any

from orion.blocks.core import Block
from orion.blocks.filesystem import call
from orion.errors import Invalid


def named(storage: str | Block) -> tuple[Any, str, str]:
    """The block, its name, and the folder in it; a block that is not saved is saved without a name."""
    if isinstance(storage, Block):
        if storage._block_document_name is None:
            call(lambda: storage.save(is_anonymous=True))
        return storage, f"{storage.get_block_type_slug()}/{storage._block_document_name}", ""
    slug, _, rest = storage.partition("/")
    name, _, inside = rest.partition("/")
    if not slug or not name:
        raise Invalid(f"The storage {storage!r} is no name of a block: write it like s3/prod.")
    return call(Block.load, f"{slug}/{name}"), f"{slug}/{name}", inside.strip("/")
