"""How a block document is shown: opened, its secrets masked or not, and saved blocks inside it put in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from orion.model.blocks import BlockDocument
from orion.model.wire import raw, unraw
from orion.store import block_documents, secret_fields
from orion.vault import Vault

MOST_BLOCKS = 1_000
Opener = Callable[..., Vault]


def shown(conn: Any, document: BlockDocument, vault: Opener, secrets: bool) -> BlockDocument:
    """The document as a client sees it."""
    data, references = Filling(conn, vault, secrets).of(document, ())
    return structs.replace(document, data=raw(data), block_document_references=references)


class Filling:
    """Fills one document. A block that holds itself, or the thousandth block, stays the link that it is."""

    def __init__(self, conn: Any, vault: Opener, secrets: bool) -> None:
        self.conn, self.vault, self.secrets = conn, vault, secrets
        self.left = MOST_BLOCKS

    def of(self, document: BlockDocument, above: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
        """The data with linked documents in place, and the links by the field that holds them.

        A field that is a block has `block_document`; one that holds several has `block_documents`, by place.
        """
        data = own_data(document, self.vault, self.secrets)
        references: dict[str, Any] = {}
        if isinstance(data, dict):
            data = {
                name: self._fill(name, "", value, references, (*above, document.id))
                for name, value in data.items()
            }
        return data, references

    def _fill(
        self, field: str, place: str, value: Any, references: dict[str, Any], above: tuple[str, ...]
    ) -> Any:
        match value:
            case {"$ref": {"block_document_id": str(inner_id)}}:
                return self._linked(field, place, inner_id, references, above) or value
            case dict():
                return {
                    key: self._fill(field, _below(place, key), inner, references, above)
                    for key, inner in value.items()
                }
            case list():
                return [
                    self._fill(field, _below(place, str(number)), inner, references, above)
                    for number, inner in enumerate(value)
                ]
            case _:
                return value

    def _linked(
        self, field: str, place: str, inner_id: str, references: dict[str, Any], above: tuple[str, ...]
    ) -> Any:
        self.left -= 1
        inner = block_documents.get(self.conn, inner_id) if self.left >= 0 and inner_id not in above else None
        if inner is None:
            return None
        data, deeper = self.of(inner, above)
        reference = _reference(inner, deeper)
        if place:
            references.setdefault(field, {}).setdefault("block_documents", {})[place] = reference
        else:
            references[field] = {"block_document": reference}
        return data


def own_data(document: BlockDocument, vault: Opener, secrets: bool) -> Any:
    """A document's own data, links as they are."""
    data = secret_fields.unseal(document.data, vault())
    if secrets or document.block_schema is None:
        return data
    return secret_fields.masked(data, secret_fields.secret_paths(unraw(document.block_schema.fields)))


def _below(place: str, step: str) -> str:
    return f"{place}.{step}" if place else step


def _reference(document: BlockDocument, deeper: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "block_type": document.block_type,
        "is_anonymous": document.is_anonymous,
        "block_document_references": deeper,
    }
