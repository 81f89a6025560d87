"""What differs between the two databases' SQL, in one place: statements are written once and put into a dialect.

Parameters are `:name`. In braces stand the few words that differ; the ones for queries:

    {like}          case-insensitive LIKE
    {for_update}    lock the rows that are read, until the transaction ends
    {skip_locked}   the same, leaving out rows that another transaction holds
    {listed:ids}    the values of the JSON array bound as :ids, a subquery whose column is `value`: `id IN {listed:ids}`
    {among:ids}     whether a key is one of them: `id {among:ids}`; PostgreSQL goes along the key's index once
    {field:run.0}   an item of an array that is itself a value of such a list: `FROM {listed:runs} AS run`
    {items:column}  the values of the JSON array in a column: `FROM flow CROSS JOIN {items:flow.tags} AS tag`
    {micros:column} a time column as integer microseconds since 1970
    {by_index:name} the index to read a table by, where SQLite would guess wrong; PostgreSQL knows its rows
    {list}          the function that makes a JSON array of its argument in all rows; NULL may stand for none
    {array}         the one that makes a JSON array of its arguments
    {moment:column} integer microseconds since 1970 as a time, to compare with time columns
    {hour:column}   the hour that a time column lies in
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Dialect = Literal["sqlite", "postgres"]

MICROS = (  # a float is exact for the times there are, and ten times quicker than the decimal number that EXTRACT gives
    "CASE WHEN {0} BETWEEN TIMESTAMPTZ '1900-01-01 00:00Z' AND TIMESTAMPTZ '2100-01-01 00:00Z'"
    " THEN CAST(date_part('epoch', {0}) * 1000000 AS BIGINT)"
    " ELSE CAST(EXTRACT(EPOCH FROM {0}) * 1000000 AS BIGINT) END"
)
WORDS: dict[str, dict[str, str]] = {
    "sqlite": {
        "like": "LIKE",
        "for_update": "",
        "skip_locked": "",
        "listed": "(SELECT value FROM json_each(:{0}))",
        "among": "IN (SELECT value FROM json_each(:{0}))",
        "field": "json_extract({1}.value, '$[{2}]')",
        "items": "json_each({0})",
        "by_index": "INDEXED BY {0}",
        "micros": "{0}",
        "moment": "{0}",
        "hour": "{0} - ({0} % 3600000000 + 3600000000) % 3600000000",
        "list": "json_group_array",
        "array": "json_array",
        "id": "TEXT",
        "text": "TEXT",
        "time": "INTEGER",
        "without_rowid": "WITHOUT ROWID",
        "desc_nulls_last": "DESC",
        "shard": "0",
    },
    "postgres": {
        "like": "ILIKE",
        "for_update": "FOR UPDATE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "listed": "(SELECT value FROM jsonb_array_elements_text(CAST(:{0} AS jsonb)) AS value)",
        "among": "= ANY(ARRAY(SELECT jsonb_array_elements_text(CAST(:{0} AS jsonb))))",
        "field": "(CAST({1}.value AS jsonb) ->> {2})",
        "items": "jsonb_array_elements_text(CAST({0} AS jsonb))",
        "micros": MICROS,
        "by_index": "",
        "list": "json_agg",
        "array": "json_build_array",
        "moment": "(TIMESTAMPTZ 'epoch' + {0} * INTERVAL '1 microsecond')",
        "hour": "date_trunc('hour', {0}, 'UTC')",
        "id": 'TEXT COLLATE "C"',
        "text": 'TEXT COLLATE "C"',
        "time": "TIMESTAMPTZ",
        "without_rowid": "",
        "desc_nulls_last": "DESC NULLS LAST",
        "shard": "(pg_backend_pid() % 16)",
    },
}

_WORD = re.compile(r"\{(\w+)(?::([\w.]+))?\}")
# Python < 3.13 knows by the rules of the locale what it shall count the rows of: in Turkish an I is no capital i.
_INSERT = re.compile(r"\A((?:\s|--[^\n]*\n)*)INSERT\b")
_PARAMETER = re.compile(r"('(?:[^']|'')*')|(--[^\n]*)|(::)|:([A-Za-z_]\w*)|(%)")


def words(text: str, dialect: Dialect) -> str:
    """`text` with every word in braces put into the dialect; JSON's `{}` stays."""
    known = WORDS[dialect]
    return _WORD.sub(lambda found: known[found[1]].format(found[2], *(found[2] or "").split(".")), text)


@lru_cache(maxsize=4096)
def translate(text: str, dialect: Dialect) -> str:
    """A statement as the driver of the dialect wants it."""
    text = words(text, dialect)
    return _INSERT.sub(r"\1insert", text) if dialect == "sqlite" else _PARAMETER.sub(_pyformat, text)


def _pyformat(found: re.Match[str]) -> str:
    literal, comment, cast, name, percent = found.groups()
    if name:
        return f"%({name})s"
    if percent:
        return "%%"
    return cast or (literal or comment).replace("%", "%%")
