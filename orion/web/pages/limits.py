"""Limits of task runs by tag and named ones: who holds the slots and since when, setting one, freeing its slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from orion.errors import Invalid, OrionError
from orion.model.limits import (
    ConcurrencyLimitCreate,
    ConcurrencyLimitV2,
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
)
from orion.store import concurrency_limits as limits
from orion.store import concurrency_limits_v2 as named
from orion.store import console
from orion.store.base import Conn
from orion.store.console import Holder
from orion.web.call import Call, Reply
from orion.web.handlers import concurrency_limits as api
from orion.web.pages.shared import found, gather, here, see

TAGGED = "tag:"
MOST = 200
HOW_MANY = "How many at once is a whole number, zero or more."


@dataclass(frozen=True)
class LimitRow:
    """A limit with who holds its slots."""

    limit: ConcurrencyLimitV2
    tag: str | None
    holders: list[Holder]


async def listing(call: Call) -> Reply:
    """List limits with who holds their slots."""
    return await _listing(call)


async def create(call: Call) -> Reply:
    """Set the limit of a tag, or make a named one; what is wrong comes back with the form."""
    name, number = str(call.form.get("tag", "")).strip(), str(call.form.get("limit", "")).strip()
    kind = "name" if call.form.get("kind") == "name" else "tag"
    try:
        if kind == "name":
            wanted = _converted({"name": name, "limit": number}, ConcurrencyLimitV2Create)
            await call.store.write(named.create, wanted, call.now)
        else:
            call.body = _converted({"tag": name, "concurrency_limit": number}, ConcurrencyLimitCreate)
            await api.create(call)
    except OrionError as error:
        return await _listing(call, {"kind": kind, "tag": name, "limit": number}, error.message, 422)
    return Reply(None, status=201, location="limits")


async def edit(call: Call) -> Reply:
    """Change how many at once."""
    wanted = _converted({"limit": str(call.form.get("limit", ""))}, ConcurrencyLimitV2Update)
    limit = found(await call.store.read(named.get, call.path["id"], call.now), "limit")
    await call.store.write(named.update, limit.id, wanted, call.now)
    return _done(f"{_shown_name(limit.name)}: {wanted.limit} at once")


async def reset(call: Call) -> Reply:
    """Free all slots of a limit."""
    limit = found(await call.store.read(named.get, call.path["id"], call.now), "limit")
    if limit.name.startswith(TAGGED):
        await call.store.write(limits.reset, limit.name.removeprefix(TAGGED), None, call.now)
    else:
        await call.store.write(named.free, limit.id, call.now)
    return _done(f"All slots of {_shown_name(limit.name)} are free")


async def delete(call: Call) -> Reply:
    """Delete a limit of a tag or a named one."""
    await call.store.write(named.delete, call.path["id"])
    return Reply(None, status=204, location="limits")


def _done(words: str) -> Reply:
    return Reply(None, trigger={"toast": {"text": words}, "runs": {}}, location="limits")


def _shown_name(name: str) -> str:
    return name.removeprefix(TAGGED)


def _converted(said: dict[str, str], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(said, kind, strict=False)
    except msgspec.ValidationError as error:
        number = "limit" in str(error)  # the path of what is wrong ends the sentence: `$.concurrency_limit`
        raise Invalid(HOW_MANY if number else "A tag or a name has 1 to 255 letters.") from None


async def _listing(
    call: Call, typed: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Reply:
    now = see(call)
    rows = await gather(call, _rows, now)
    data = {
        "limits": [row for row in rows if row.tag is not None],
        "named": [row for row in rows if row.tag is None],
        "typed": typed or {"kind": "tag", "tag": "", "limit": "5"},
        "error": error,
        "fault": "limit" if error == HOW_MANY else "tag",
        "now": now,
        "here": here(call),
        "cut": MOST if len(rows) == MOST else 0,
    }
    return Reply(data, "concurrency_limits/list.html#page", status=status)


def _rows(conn: Conn, now: datetime) -> list[LimitRow]:
    every = named.filter(conn, MOST, 0, now)
    holders = console.holders(conn, [each.id for each in every])
    return [LimitRow(each, _tag(each.name), holders.get(each.id, [])) for each in every]


def _tag(name: str) -> str | None:
    return name.removeprefix(TAGGED) if name.startswith(TAGGED) else None
