"""Tags: as JSON text in the row for reading, one row each in `<table>_tag` for filters."""

from __future__ import annotations

from collections.abc import Iterable

from orion.store.base import Conn


def distinct(tags: Iterable[str] | None) -> list[str]:
    """Every tag once, in the order given."""
    return list(dict.fromkeys(tags or ()))


def add(conn: Conn, table: str, id: str, tags: list[str]) -> None:
    """Enter the tags of a new row."""
    if tags:
        conn.many(
            f"INSERT INTO {table}_tag ({table}_id, tag) VALUES (:id, :tag) ON CONFLICT DO NOTHING",
            [{"id": id, "tag": tag} for tag in tags],
        )


def replace(conn: Conn, table: str, id: str, tags: list[str]) -> None:
    """Give a row other tags."""
    conn.run(f"DELETE FROM {table}_tag WHERE {table}_id = :id", {"id": id})
    add(conn, table, id, tags)
