"""Saved searches in the store: made or replaced by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orion.errors import NotFound
from orion.model.ids import new_id
from orion.model.saved_searches import SavedSearchCreate, SavedSearchFilter
from orion.store import Store, saved_searches
from tests.store.world import NOW

LATER = NOW + timedelta(seconds=1)
NAMED = SavedSearchFilter(object="flow", property="name", type="string", operation="equals", value="a")
TAGGED = SavedSearchFilter(
    object="flow_run", property="tags", type="list", operation="all", value=["x", 1, None]
)


@pytest.mark.row("API-26")
@pytest.mark.row("DB-11")
def test_a_name_makes_one_search_and_then_replaces_its_filters(store: Store) -> None:
    first, created = store.write_now(saved_searches.upsert, SavedSearchCreate(name="s", filters=[NAMED]), NOW)
    assert created and first.filters == [NAMED]
    again, created = store.write_now(
        saved_searches.upsert, SavedSearchCreate(name="s", filters=[TAGGED]), LATER
    )
    assert not created and (again.id, again.created, again.updated) == (first.id, NOW, LATER)
    assert again.filters == [TAGGED]
    assert store.read_now(saved_searches.get, first.id) == again
    assert store.read_now(saved_searches.get, new_id()) is None


@pytest.mark.row("API-26")
def test_searches_are_listed_by_name_and_deleted(store: Store) -> None:
    made = [store.write_now(saved_searches.upsert, SavedSearchCreate(name=name), NOW)[0] for name in "cab"]
    assert [search.name for search in store.read_now(saved_searches.filter, 10)] == ["a", "b", "c"]
    assert [search.name for search in store.read_now(saved_searches.filter, 1, 1)] == ["b"]
    store.write_now(saved_searches.delete, made[0].id)
    assert [search.name for search in store.read_now(saved_searches.filter, 10)] == ["a", "b"]
    with pytest.raises(NotFound, match="Saved search not found"):
        store.write_now(saved_searches.delete, made[0].id)
