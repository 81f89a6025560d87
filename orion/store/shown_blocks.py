"""How a block document is shown: secrets masked or in clear, and saved blocks inside it put in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from orion.model.blocks import BlockDocument
from orion.model.wire import raw, unraw
from orion.store import block_documents, secret_fields
from orion.vault import Vault

MOST_LEVELS = 10


def shown(conn: Any, document: BlockDocument, vault: Callable[[], Vault], secrets: bool) -> BlockDocument:
    """The document as a client sees it."""
    data, references = _filled(conn, document, vault, secrets, MOST_LEVELS)
    return structs.replace(document, data=raw(data), block_document_references=references)


def _filled(
    conn: Any, document: BlockDocument, vault: Callable[[], Vault], secrets: bool, levels: int
) -> tuple[Any, dict[str, Any]]:
    """The data with nested documents filled in, and the references by the key that holds them."""
    references: dict[str, Any] = {}

    def fill(name: str, value: Any) -> Any:
        match value:
            case {"$ref": {"block_document_id": str(inner_id)}} if levels:
                inner = block_documents.get(conn, inner_id)
                if inner is None:
                    return value
                data, deeper = _filled(conn, inner, vault, secrets, levels - 1)
                references[name] = {"block_document": _reference(inner, deeper)}
                return data
            case dict():
                return {key: fill(key, item) for key, item in value.items()}
            case list():
                return [fill(name, item) for item in value]
            case _:
                return value

    return fill("", _own_data(document, vault, secrets)), references


def _own_data(document: BlockDocument, vault: Callable[[], Vault], secrets: bool) -> Any:
    data = unraw(document.data)
    paths = secret_fields.secret_paths(unraw(document.block_schema.fields)) if document.block_schema else []
    if not paths:
        return data
    return secret_fields.unseal(data, paths, vault()) if secrets else secret_fields.masked(data, paths)


def _reference(document: BlockDocument, deeper: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "block_type": document.block_type,
        "is_anonymous": document.is_anonymous,
        "block_document_references": deeper,
    }
