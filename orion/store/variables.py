"""Variables: small named values, kept as JSON text."""

from __future__ import annotations

from datetime import datetime

from orion.errors import Conflict, NotFound
from orion.model.filters import VariableFilter
from orion.model.ids import new_id
from orion.model.variables import Variable, VariableCreate, VariableUpdate
from orion.store import changes, paging, tags
from orion.store.base import Conn
from orion.store.filters import where_own
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

VARIABLE = Rows(Variable, "variable")
LISTING = Listing(
    "variable",
    VARIABLE.columns,
    "",
    {
        "NAME_ASC": Sort("variable.name"),
        "NAME_DESC": Sort("variable.name", descending=True),
        "CREATED_DESC": Sort("variable.created", descending=True),
        "UPDATED_DESC": Sort("variable.updated", descending=True),
    },
)
GET = f"SELECT {VARIABLE.columns} FROM variable WHERE id = :id"
BY_NAME = f"SELECT {VARIABLE.columns} FROM variable WHERE name = :name"
INSERT = f"{VARIABLE.insert} ON CONFLICT (name) DO NOTHING"


def create(conn: Conn, wanted: VariableCreate, now: datetime) -> Variable:
    """Make a variable; a name that is taken is refused."""
    variable = Variable(
        id=new_id(),
        created=now,
        updated=now,
        name=wanted.name,
        value=wanted.value,
        tags=tags.distinct(wanted.tags),
    )
    if not conn.run(INSERT, VARIABLE.values(conn, variable)):
        raise _taken(wanted.name)
    tags.add(conn, "variable", variable.id, variable.tags)
    return variable


def get(conn: Conn, id: str) -> Variable | None:
    row = conn.one(GET, {"id": id})
    return VARIABLE.read(conn, row) if row else None


def by_name(conn: Conn, name: str) -> Variable | None:
    row = conn.one(BY_NAME, {"name": name})
    return VARIABLE.read(conn, row) if row else None


def filter(
    conn: Conn, criteria: VariableFilter | None, sort: str | None, limit: int, offset: int = 0
) -> list[Variable]:
    """The variables that meet the filter, by name unless sorted otherwise."""
    condition = where_own(conn, "variable", criteria)
    return VARIABLE.read_all(conn, paging.rows(conn, LISTING, condition, sort, limit, offset))


def page(
    conn: Conn, criteria: VariableFilter | None, limit: int, after: str | None
) -> tuple[list[Variable], str | None]:
    """The variables after a key of the page before, by name, and the key of the next page."""
    rows, key = paging.page(conn, LISTING, where_own(conn, "variable", criteria), "NAME_ASC", limit, after)
    return VARIABLE.read_all(conn, rows), key


def count(conn: Conn, criteria: VariableFilter | None = None) -> int:
    return paging.count(conn, "variable", where_own(conn, "variable", criteria))


def update(conn: Conn, id: str, wanted: VariableUpdate, now: datetime) -> None:
    """Change what is given; a name that is taken is refused."""
    columns = changes.given(wanted)
    if "name" in columns:
        other = by_name(conn, columns["name"])
        if other is not None and other.id != id:
            raise _taken(other.name)
    if "tags" in columns:
        columns["tags"] = tags.distinct(columns["tags"])
    if not changes.apply(conn, "variable", id, columns, now):
        raise NotFound("Variable not found")
    if "tags" in columns:
        tags.replace(conn, "variable", id, columns["tags"])


def update_by_name(conn: Conn, name: str, wanted: VariableUpdate, now: datetime) -> None:
    """Change what is given of the variable of that name."""
    update(conn, _found(conn, name).id, wanted, now)


def delete(conn: Conn, id: str) -> None:
    if not conn.run("DELETE FROM variable WHERE id = :id", {"id": id}):
        raise NotFound("Variable not found")


def delete_by_name(conn: Conn, name: str) -> None:
    """Delete the variable of that name."""
    delete(conn, _found(conn, name).id)


def _found(conn: Conn, name: str) -> Variable:
    variable = by_name(conn, name)
    if variable is None:
        raise NotFound("Variable not found")
    return variable


def _taken(name: str) -> Conflict:
    return Conflict(f"A variable named {name!r} exists already.")
