"""Changes: an UPDATE of exactly the columns that are given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Raw, Struct

from orion.store.base import Conn
from orion.store.rows import bind


def given(update: Struct, defaults: dict[str, Any] | None = None) -> dict[str, Any]:
    """The fields of an update that were sent; null stands for the default where a column cannot be null."""
    known = defaults or {}
    fields = ((name, getattr(update, name)) for name in update.__struct_fields__)
    sent = ((name, value) for name, value in fields if value is not UNSET)
    return {name: known[name] if name in known and is_null(value) else value for name, value in sent}


def is_null(value: Any) -> bool:
    """Whether a value is null, also as opaque JSON."""
    return value is None or (isinstance(value, Raw) and bytes(value).strip() == b"null")


def apply(conn: Conn, table: str, id: str, columns: dict[str, Any], now: datetime) -> bool:
    """Set the columns (names from our own structs, never from a request) and `updated`; False when there is no row."""
    values = {name: bind(conn, value) for name, value in columns.items()}
    assignments = ", ".join(f"{name} = :{name}" for name in (*values, "updated"))
    params = {**values, "updated": conn.time(now), "id": id}
    return conn.run(f"UPDATE {table} SET {assignments} WHERE id = :id", params) > 0
