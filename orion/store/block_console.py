"""Blocks as the console's pages list them: by type, with where each is used; and the links from block to block."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from orion.model.blocks import BlockDocument
from orion.model.ids import new_id
from orion.store import block_documents, sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("block_console")


class Use(NamedTuple):
    """Where a document is used: by a policy, a deployment's storage or infrastructure, a block, or a text."""

    kind: str
    id: str
    of: str
    name: str


def page(conn: Conn, q: str, capability: str, limit: int, offset: int) -> list[BlockDocument]:
    """The named documents that match, by type and name."""
    params = {**_match(q, capability), "limit": limit, "offset": offset}
    ids = [row[0] for row in conn.all(Q.page, params)]
    found = {document.id: document for document in block_documents.several(conn, ids)}
    return [found[id] for id in ids if id in found]


def totals(conn: Conn, q: str = "", capability: str = "") -> dict[str, int]:
    """How many documents match, by the id of their type."""
    return dict(conn.all(Q.totals, _match(q, capability)))


def uses(conn: Conn, ids: Iterable[str]) -> list[Use]:
    """Where documents are used by their id."""
    return [_use(*row) for row in conn.all(Q.uses, {"ids": json_text(list(ids))})]


def _use(kind: str, id: str, of: str, name: str) -> Use:
    """A use by its name; a policy has none but the states of which it tells."""
    return Use(kind, id, of, " or ".join(json.loads(name)) or "any state" if kind == "policy" else name)


def named_by(conn: Conn, reference: str) -> list[Use]:
    """The deployments in whose parameters, job variables or pull steps a reference stands."""
    rows = conn.all(Q.named_by, {"text": f"%{_literal(reference)}%"})
    return [Use("text", id, "", name) for id, name in rows]


def options(conn: Conn, slugs: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The (id, name) of documents to choose from, by the slug of their type."""
    found: dict[str, list[tuple[str, str]]] = {}
    for slug, id, name in conn.all(Q.options, {"slugs": json_text(sorted(set(slugs)))}):
        found.setdefault(slug, []).append((id, name))
    return found


def capabilities(conn: Conn) -> dict[str, list[str]]:
    """The capabilities of each type's newest schema, by the type's id."""
    import msgspec

    return {kind: msgspec.json.decode(text) for _, kind, text in conn.all(Q.schemas)}


def links(conn: Conn, id: str) -> list[tuple[str, str]]:
    """The documents that a document holds: (place in its data, id)."""
    return [(place, child) for place, child in conn.all(Q.links, {"id": id})]


def set_links(conn: Conn, parent: str, data: Any) -> None:
    """Keep which documents a document holds. Its data is sealed, so that nobody could look there."""
    conn.run(Q.unlink, {"id": parent})
    for place, child in _links(data, ""):
        conn.run(Q.link, {"id": new_id(), "place": place[:500], "parent": parent, "child": child})


def _links(value: Any, place: str) -> Iterable[tuple[str, str]]:
    match value:
        case {"$ref": {"block_document_id": str(child)}}:
            yield place, child
        case dict():
            for name, inner in value.items():
                yield from _links(inner, f"{place}.{name}" if place else str(name))
        case list():
            for number, inner in enumerate(value):
                yield from _links(inner, f"{place}.{number}")


def _match(q: str, capability: str) -> dict[str, str]:
    return {
        "text": f"%{_literal(q)}%",
        "capability": f'%"{_literal(capability)}"%' if capability else "%",
    }


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
