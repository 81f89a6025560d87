"""Conditions: the keys of a filter's criteria (`any_`, `like_`, `before_`, …) as WHERE text and bound parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from orion.model.filters import Criterion, Operator, TagsCriterion, TimeCriterion
from orion.store.base import Conn
from orion.store.rows import json_text

QUICKLY_SORTED = 1_000
AFTER_HEX = "g"  # greater than every letter of an id


class Literal(str):
    """A search text in which `%` and `_` mean themselves: what a person types into a search box."""


class Conditions:
    """Gathers the parameters of one statement; each method gives a piece of its WHERE text, None for no condition.

    `within` is when the flow runs that are wanted are expected: those of a tag are then sought in that time only.

    With `order`, the column that a list of `table` is sorted by, the text is meant for a page of that list. `strays`
    tells afterwards that an index of another column may serve it; with `walk` it is written so that none does.
    """

    def __init__(
        self,
        conn: Conn,
        table: str | None = None,
        order: str | None = None,
        *,
        walk: bool = False,
        within: TimeCriterion | None = None,
    ) -> None:
        self.conn = conn
        self.table = table
        self.order = order
        self.walk = walk
        self.strays = False
        self.within = within
        self.params: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """The placeholder of a new parameter with this value."""
        name = f"c{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def match(self, column: str, criterion: Criterion | None) -> str | None:
        """A criterion on one column; its keys are joined by its operator, if it has one, else by AND."""
        if criterion is None:
            return None
        found = ((key, value) for key, value in given(criterion) if key != "operator")
        return join(operator_of(criterion), [KEYS[key](self, column, value) for key, value in found])

    def tags(self, table: str, criterion: TagsCriterion | None) -> str | None:
        """A criterion on the tags of a row: they stand one by one in `<table>_tag`."""
        if criterion is None:
            return None
        parts = []
        if criterion.all_:
            parts.append(join(None, [self._tagged(table, [tag]) for tag in dict.fromkeys(criterion.all_)]))
        if criterion.any_ is not None:
            parts.append(self._tagged(table, criterion.any_))
        if criterion.not_any_:
            wanted = one_of(self, "tag", criterion.not_any_)
            tagged = f"SELECT 1 FROM {table}_tag WHERE {table}_id = {table}.id AND {wanted}"
            parts.append(f"NOT EXISTS ({tagged})")
        if criterion.is_null_ is not None:
            parts.append(f"{table}.tags {'=' if criterion.is_null_ else '<>'} '[]'")
        return join(criterion.operator, parts)

    def _tagged(self, table: str, tags: Sequence[str]) -> str:
        wanted = one_of(self, "tag", tags)
        if table == "flow_run" and self.within is not None:
            wanted = (
                join(None, [wanted, self.match("flow_run_tag.expected_start_time", self.within)]) or wanted
            )
        if self.order and self.is_common(f"{table}_tag", wanted):
            return f"EXISTS (SELECT 1 FROM {table}_tag WHERE {table}_id = {table}.id AND {wanted})"
        if table == "flow_run" and self.within is not None:  # an index by both tells what a history counts
            both = f"SELECT expected_start_time, flow_run_id FROM flow_run_tag WHERE {wanted}"
            return f"(flow_run.expected_start_time, flow_run.id) IN ({both})"
        return f"{table}.id IN (SELECT {table}_id FROM {table}_tag WHERE {wanted})"

    def is_common(self, table: str, condition: str) -> bool:
        """Whether more rows meet a condition than are quickly sorted.

        PostgreSQL keeps statistics and decides by itself. SQLite has to be told when it is better to walk the index
        of the list's order until the page is full than to find and sort all rows that meet the condition.
        """
        if self.conn.dialect != "sqlite":
            return False
        few = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {condition} LIMIT {QUICKLY_SORTED})"
        row = self.conn.one(few, self.params)
        return row is not None and row[0] == QUICKLY_SORTED

    def listed(self, values: Sequence[str]) -> str:
        """A subquery with a row for each text of a list, which is bound as one JSON array."""
        return f"{{listed{self.bind(json_text(list(values)))}}}"


def given(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """The fields of a filter or criterion that say something."""
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        if value is not None:
            yield field, value


def operator_of(struct: Criterion) -> Operator | None:
    """The operator that joins the parts of a filter or criterion."""
    return getattr(struct, "operator", None)


TOGETHER, FEW_VALUES = 50, 10


def join(operator: Operator | None, parts: Iterable[str | None]) -> str | None:
    """The parts that say something, joined; None when there is none. Many are joined in groups: SQLite counts depth."""
    said = [part for part in parts if part is not None]
    if len(said) < 2:
        return said[0] if said else None
    if len(said) > TOGETHER:
        groups = [said[start : start + TOGETHER] for start in range(0, len(said), TOGETHER)]
        return join(operator, [join(operator, group) for group in groups])
    return "(" + (" OR " if operator == "or_" else " AND ").join(said) + ")"


def one_of(c: Conditions, column: str, values: Sequence[str]) -> str:
    """Whether the column holds one of the values; none of an empty list."""
    if not values:
        return "FALSE"
    one = len(values) == 1
    condition = f"{column} = {c.bind(values[0])}" if one else f"{column} IN {_several(c, values)}"
    orders = ORDERED_WITHIN.get(column)
    if (
        c.order is None
        or orders is None
        or not column.startswith(f"{c.table}.")
        or (one and c.order in orders)
    ):
        return condition
    c.strays = True
    return (
        f"+{condition}" if c.walk else condition
    )  # the sign is SQLite's way to say: not by this column's index


def _several(c: Conditions, values: Sequence[str]) -> str:
    """A list to compare with; PostgreSQL is told a few values themselves, by which it chooses its indexes."""
    if c.conn.dialect == "postgres" and len(values) <= FEW_VALUES:
        return f"({', '.join([c.bind(value) for value in values])})"
    return c.listed(values)


def none_of(c: Conditions, column: str, values: Sequence[str]) -> str | None:
    """Whether the column holds something else; an empty list asks for nothing, NULL is never matched."""
    return f"{column} NOT IN {c.listed(values)}" if values else None


def like(c: Conditions, column: str, text: str) -> str:
    """Whether the column contains the text, in any case; `%` and `_` are wildcards unless it is `Literal`."""
    return f"{column} {{like}} {c.bind(like_part(text))} ESCAPE '\\'"


def like_part(text: str) -> str:
    """The pattern of LIKE that means: contains the text."""
    pattern = text.replace("\\", "\\\\")
    if isinstance(text, Literal):
        pattern = pattern.replace("%", "\\%").replace("_", "\\_")
    return f"%{pattern}%"


def starts_with(c: Conditions, column: str, prefixes: Sequence[str]) -> str:
    """Whether the column begins with one of the prefixes, in exactly these letters; ids by their index."""
    if column.endswith(".id"):
        stretches = [(c.bind(prefix), c.bind(prefix + AFTER_HEX)) for prefix in prefixes]
        return (
            join("or_", [f"({column} >= {low} AND {column} < {high})" for low, high in stretches]) or "FALSE"
        )
    tests = [f"substr({column}, 1, {len(prefix)}) = {c.bind(prefix)}" for prefix in prefixes]
    return join("or_", tests) or "FALSE"


def is_null(_: Conditions, column: str, wanted: bool) -> str:
    return f"{column} IS NULL" if wanted else f"{column} IS NOT NULL"


def compare(sign: str) -> Callable[[Conditions, str, Any], str]:
    """A comparison with one value; moments are bound the way the database keeps them."""

    def condition(c: Conditions, column: str, value: Any) -> str:
        return f"{column} {sign} {c.bind(c.conn.time(value) if isinstance(value, datetime) else value)}"

    return condition


ORDERED_WITHIN = {  # columns with many rows to a value, and the orders that their indexes have within a value
    "flow_run.state_type": ("flow_run.expected_start_time",),
    "flow_run.flow_id": ("flow_run.expected_start_time",),
    "flow_run.deployment_id": ("flow_run.expected_start_time",),
    "task_run.state_type": ("task_run.expected_start_time",),
    "task_run.flow_run_id": ("task_run.expected_start_time",),
}
KEYS: dict[str, Callable[[Conditions, str, Any], str | None]] = {
    "any_": one_of,
    "not_any_": none_of,
    "like_": like,
    "startswith_": starts_with,
    "is_null_": is_null,
    "exists_": lambda c, column, wanted: is_null(c, column, not wanted),
    "before_": compare("<="),
    "after_": compare(">="),
    "ge_": compare(">="),
    "le_": compare("<="),
    "eq_": compare("="),
}
