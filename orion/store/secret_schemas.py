"""Which parameters of a flow are secrets, kept with it: a run stays masked when its deployment is changed or gone."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from orion.store import sql
from orion.store.base import Conn

Q = sql.load("secret_schemas")
MARKS = (b"password", b"writeOnly")  # a schema without these words knows no secret
NOTES = ("title", "description", "default", "examples", "example", "position")  # say nothing of what a value is
NAMED = ("properties", "patternProperties", "definitions", "$defs")  # hold schemas by names, which may be any word
MOST = 50


def knows_secrets(schema: bytes) -> bool:
    """Whether a schema may call something a secret."""
    return any(mark in schema for mark in MARKS)


def note(conn: Conn, deployment_id: str, schema: bytes, now: datetime) -> None:
    """Keep a schema that a deployment is given, if it knows secrets; one that differs in its words only is the same."""
    if not knows_secrets(schema):
        return
    text = msgspec.json.encode(_bare(msgspec.json.decode(schema)), order="sorted")
    conn.run(
        Q.note,
        {
            "deployment_id": deployment_id,
            "digest": hashlib.sha256(text).hexdigest(),
            "schema": text.decode(),
            "now": conn.time(now),
        },
    )


def of_flow(conn: Conn, flow_id: str) -> list[str]:
    """The schemas by which the parameters of a flow's runs are masked, the newest first."""
    return [schema for (schema,) in conn.all(Q.of_flow, {"flow_id": flow_id, "most": MOST})]


def _bare(schema: Any) -> Any:
    """A schema without the words for its readers."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _inside(name, each) for name, each in schema.items() if name not in NOTES}


def _inside(name: str, value: Any) -> Any:
    if name in NAMED and isinstance(value, dict):
        return {own: _bare(each) for own, each in value.items()}
    return _bare(value)
