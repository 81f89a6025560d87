"""Saved views of the runs list. They are the API's saved searches: each filter one condition, the default one more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams

from orion.errors import Conflict, Invalid
from orion.model.saved_searches import SavedSearch, SavedSearchCreate, SavedSearchFilter
from orion.store import flow_runs, saved_searches
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.pages import run_query
from orion.web.pages.run_query import RunQuery
from orion.web.pages.shared import found, see

MOST_VIEWS, LONGEST_NAME = 20, 100
COUNTED, MOST_COUNTED = 8, 1000  # views that are counted, and how far
DEFAULT = SavedSearchFilter(object="view", property="default", type="boolean", operation="equals", value=True)


@dataclass(frozen=True)
class View:
    """A saved view as a tab."""

    id: str
    name: str
    href: str
    chosen: bool
    default: bool
    number: int | None = None


def tabs(conn: Conn, query: RunQuery, now: datetime) -> list[View]:
    """The saved views by name, with how many runs the first ones show; chosen is the one that the list shows."""
    here = query.plain.href()
    return [
        _view(conn, each, here, now if at < COUNTED else None)
        for at, each in enumerate(saved_searches.filter(conn, MOST_VIEWS))
    ]


def _view(conn: Conn, search: SavedSearch, here: str, now: datetime | None) -> View:
    query = query_of(search)
    filters = query.filters(*query.span(now)) if now else None
    number = flow_runs.count_upto(conn, filters, MOST_COUNTED) if filters else None
    return View(search.id, search.name, query.href(), query.href() == here, DEFAULT in search.filters, number)


def query_of(search: SavedSearch) -> RunQuery:
    """The list that a search means; conditions of other consoles that it has not are left out."""
    said: list[tuple[str, str]] = []
    for each in search.filters:
        values = each.value if isinstance(each.value, list) else [each.value]
        no = "!" if each.operation == "not_any_" else ""
        said += [(each.property, f"{no}{value}") for value in values if each.object == "flow_run"]
    return run_query.parse(QueryParams(said)).plain


def conditions(query: RunQuery) -> list[SavedSearchFilter]:
    """A list as the conditions of a saved search."""
    made = []
    for key, value in run_query.pairs(query.plain):
        several = key in run_query.LISTS
        operation = "not_any_" if several and value.startswith("!") else "any_" if several else "equals"
        bare: object = [value.removeprefix("!")] if several else value
        kind = {"state": "state", "tag": "tag"}.get(key, "string")
        made.append(
            SavedSearchFilter(object="flow_run", property=key, type=kind, operation=operation, value=bare)
        )
    return made


def default(conn: Conn) -> str | None:
    """The address of the view that opens first, if one does."""
    searches = saved_searches.filter(conn, MOST_VIEWS)
    return next((query_of(each).href() for each in searches if DEFAULT in each.filters), None)


async def save(call: Call) -> Reply:
    """Save the list under a name; a view of that name is replaced."""
    see(call)
    name, query = _name(call), _query(call)
    first = bool(call.form.get("default"))
    await call.store.write(_save, name, query, first, call.now)
    return _done(f"Saved {name}", query.href())


async def rename(call: Call) -> Reply:
    """Give a view another name."""
    search = await _search(call)
    name = _name(call)
    await call.store.write(saved_searches.rename, search.id, name, call.now)
    return _done(f"{search.name} is now {name}", query_of(search).href())


async def choose(call: Call) -> Reply:
    """Let a view open first, or no longer."""
    search = await _search(call)
    first = DEFAULT not in search.filters
    await call.store.write(_choose, search.id if first else "", call.now)
    said = f"{search.name} opens first" if first else "All runs open first"
    return _done(said, query_of(search).href())


async def delete(call: Call) -> Reply:
    """Delete a view; its runs stay."""
    search = await _search(call)
    await call.store.write(saved_searches.delete, search.id)
    return _done(f"Deleted the view {search.name}", "runs")


def _done(words: str, location: str) -> Reply:
    return Reply(None, trigger={"toast": {"text": words}}, location=location)


async def _search(call: Call) -> SavedSearch:
    see(call)
    search: SavedSearch = found(await call.store.read(saved_searches.get, call.path["id"]), "view")
    return search


def _name(call: Call) -> str:
    name = " ".join(str(call.form.get("name", "")).split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"A view needs a name of 1 to {LONGEST_NAME} letters.")
    return name


def _query(call: Call) -> RunQuery:
    """The list that the form was sent from."""
    text = str(call.form.get("back", "")).partition("?")[2]
    return run_query.parse(QueryParams(parse_qsl(text))).plain


def _save(conn: Conn, name: str, query: RunQuery, first: bool, now: datetime) -> None:
    known = saved_searches.by_name(conn, name)
    if known is None and len(saved_searches.filter(conn, MOST_VIEWS)) >= MOST_VIEWS:
        raise Conflict(f"There are {MOST_VIEWS} views already; delete one first.")
    made, _ = saved_searches.upsert(conn, SavedSearchCreate(name=name, filters=conditions(query)), now)
    if first:
        _choose(conn, made.id, now)


def _choose(conn: Conn, id: str, now: datetime) -> None:
    """Mark one view as the first, and no other."""
    for each in saved_searches.filter(conn, MOST_VIEWS):
        filters = [condition for condition in each.filters if condition != DEFAULT]
        wanted = [*filters, DEFAULT] if each.id == id else filters
        if wanted != each.filters:
            saved_searches.upsert(conn, SavedSearchCreate(name=each.name, filters=wanted), now)
