"""Tags: as JSON text in the row for reading, one row each in `<table>_tag` for filters."""

from __future__ import annotations

from collections.abc import Iterable

from orion.store.base import Conn
from orion.store.rows import json_text

TAGS = (
    "INSERT INTO {table}_tag ({table}_id, tag) SELECT id.value, tag.value "
    "FROM {{listed:ids}} AS id CROSS JOIN {{listed:tags}} AS tag WHERE TRUE ON CONFLICT DO NOTHING"
)
FLOW_RUN_TAGS = (  # with the run's time, so that the runs of a tag are found by time
    "INSERT INTO flow_run_tag (flow_run_id, tag, expected_start_time) "
    "SELECT id.value, tag.value, (SELECT expected_start_time FROM flow_run WHERE flow_run.id = id.value) "
    "FROM {listed:ids} AS id CROSS JOIN {listed:tags} AS tag WHERE TRUE ON CONFLICT DO NOTHING"
)


def distinct(tags: Iterable[str] | None) -> list[str]:
    """Every tag once, in the order given."""
    return list(dict.fromkeys(tags or ()))


def add(conn: Conn, table: str, ids: list[str], tags: list[str]) -> None:
    """Enter the tags of new rows, all of them for each row."""
    if ids and tags:
        text = FLOW_RUN_TAGS if table == "flow_run" else TAGS.format(table=table)
        conn.run(text, {"ids": json_text(ids), "tags": json_text(tags)})


def replace(conn: Conn, table: str, id: str, tags: list[str]) -> None:
    """Give a row other tags."""
    conn.run(f"DELETE FROM {table}_tag WHERE {table}_id = :id", {"id": id})
    add(conn, table, [id], tags)
