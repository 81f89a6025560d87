"""Variables: the list, with the form of a new one beside it, and the form of one that is there."""

from __future__ import annotations

from typing import Any

import msgspec

from orion.errors import Conflict, Invalid
from orion.model.filters import NameCriterion, VariableFilter
from orion.model.variables import Variable, VariableCreate, VariableUpdate
from orion.model.wire import raw, unraw
from orion.store import variables
from orion.store.base import Conn
from orion.store.conditions import Literal
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.pages.controls import plain
from orion.web.pages.shared import PAGE, address, found, gather, here, see, stretch
from orion.web.parse import typed_json

BLANK = {"name": "", "value": "", "tags": "", "text": ""}


async def listing(call: Call) -> Reply:
    """List variables by name."""
    return await _listing(call, BLANK)


async def create(call: Call) -> Reply:
    """Make a variable."""
    said = _said(call)
    try:
        made = await call.store.write(variables.create, _wanted(said, VariableCreate), call.now)
    except (Conflict, Invalid) as error:
        return await _listing(call, said, error.message, 422)
    return Reply(made, status=201, location="variables")


async def edit(call: Call) -> Reply:
    """Show a variable in its form."""
    see(call)
    variable: Variable = found(await call.store.read(variables.get, call.path["id"]), "variable")
    value = unraw(variable.value)
    said = {"name": variable.name, "value": typed(value), "tags": ", ".join(variable.tags), "text": ""}
    return Reply({"written": said, "id": variable.id, "error": ""}, "variables/form.html#form")


async def save(call: Call) -> Reply:
    """Change a variable; who reads it finds the new value from now on."""
    see(call)
    said, id = _said(call), call.path["id"]
    try:
        await call.store.write(variables.update, id, _wanted(said, VariableUpdate), call.now)
    except (Conflict, Invalid) as error:
        data = {"written": said, "id": id, "error": error.message}
        return Reply(data, "variables/form.html#form", status=422)
    return Reply(None, location="variables")


def typed(value: Any) -> str:
    """A value as it is typed: a text as it is, unless it would be read as something else; all else as JSON."""
    if isinstance(value, str) and value.strip() == value and value:
        try:
            typed_json(value)
        except msgspec.DecodeError:
            return value
    return msgspec.json.encode(value).decode()


def meant(text: str, as_text: bool) -> Any:
    """What was typed: JSON, or else a text."""
    text = text.replace("\r\n", "\n")
    if as_text:
        return text
    try:
        return typed_json(text)
    except msgspec.DecodeError:
        return text


async def _listing(call: Call, said: dict[str, str], error: str = "", status: int = 200) -> Reply:
    see(call)
    data = await gather(call, _list, call.query.get("q", "").strip()[:200], call.query.get("after"))
    more = {"written": said, "error": error, "id": None, "here": here(call)}
    return Reply({**data, **more}, "variables/list.html#page", status=status)


def _list(conn: Conn, q: str, after: str | None) -> dict[str, Any]:
    wanted = VariableFilter(name=NameCriterion(like_=Literal(q))) if q else None
    rows, key = variables.page(conn, wanted, PAGE, after)
    total = variables.count(conn, wanted)
    return {
        "rows": [(row, plain(unraw(row.value))) for row in rows],
        "q": q,
        "shown": plural(len(rows), "more variable") if after else stretch(0, len(rows), total, "variable"),
        "newer": address("variables", q=q) if after else None,
        "older": address("variables", q=q, after=key) if key else None,
    }


def _said(call: Call) -> dict[str, str]:
    return {name: str(call.form.get(name, "")) for name in BLANK}


def _wanted(said: dict[str, str], kind: Any) -> Any:
    tags = list(dict.fromkeys(part.strip() for part in said["tags"].split(",") if part.strip()))
    name = said["name"].strip()
    try:
        wanted = msgspec.convert({"name": name, "value": msgspec.Raw(b"null"), "tags": tags}, kind)
    except msgspec.ValidationError:
        raise Invalid("A name has small letters, digits, dashes and underscores only, 255 at most.") from None
    value = meant(said["value"], bool(said["text"]))
    try:
        return kind(name=wanted.name, value=raw(value), tags=wanted.tags)
    except ValueError as error:
        raise Invalid(f"The variable cannot be saved: {error}.") from None
