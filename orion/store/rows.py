"""Rows to structs and back, generated once from a struct's annotations.

    RUN = Rows(FlowRun, "flow_run", leave_out=("state", "estimated_run_time", "estimated_start_time_delta"))
    conn.one(f"SELECT {RUN.columns} FROM flow_run WHERE id = :id", {"id": id})  ->  RUN.read(conn, row)
    conn.run(RUN.insert, RUN.values(conn, run))

A field is a column of the same name. Times, booleans and JSON (opaque `Raw`, lists, dicts, structs: kept as text)
are put into the database's form and taken back out of it here, so that resource modules never see it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, Struct

from orion.model import wire
from orion.model.times import as_utc, from_micros, to_micros, whole
from orion.store.base import NONE, Conn, Params, Row

S = TypeVar("S", bound=Struct)
F = TypeVar("F")
Kind = Literal["plain", "time", "bool", "raw", "json"]


class _Made(dict[str, F]):
    """A function for each dialect, made when it is first asked for: a process speaks one, and not to every table."""

    def __init__(self, make: Callable[[str], F]) -> None:
        self._make = make

    def __missing__(self, dialect: str) -> F:
        return self.setdefault(dialect, self._make(dialect))


class Rows(Generic[S]):
    """How one struct lies in one table."""

    def __init__(self, struct: type[S], table: str, *, leave_out: Iterable[str] = ()) -> None:
        self.fields = tuple(name for name in struct.__struct_fields__ if name not in set(leave_out))
        self.table = table
        self.columns = ", ".join(f"{table}.{name}" for name in self.fields)
        self.width = len(self.fields)
        self.insert: str = inserting(table, self.fields)
        self._struct = struct
        self._read = _Made(lambda dialect: _reader(struct, self._hints, dialect))
        self._bind = _Made(lambda dialect: _binder(self._hints, dialect))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        hints = get_type_hints(self._struct)
        return {name: hints[name] for name in self.fields}

    def read(self, conn: Conn, row: Row, **extra: Any) -> S:
        """The struct of a row that begins with `columns`; `extra` gives fields that are no columns."""
        return self._read[conn.dialect](row, extra)

    def read_all(self, conn: Conn, rows: Iterable[Row]) -> list[S]:
        """The structs of many rows."""
        read = self._read[conn.dialect]
        return [read(row, {}) for row in rows]

    def reader(self, conn: Conn) -> Callable[[Row, dict[str, Any]], S]:
        """`read` without the look-up of the dialect, for loops: `reader(row, extra)`."""
        return self._read[conn.dialect]

    def values(self, conn: Conn, struct: S) -> dict[str, Any]:
        """A struct's columns as parameters."""
        return self._bind[conn.dialect](struct)

    def add(self, conn: Conn, struct: S, more: Params = NONE) -> bool:
        """Add a row, with `more` columns or others than the struct says; False when a key of it is taken."""
        values = {**self.values(conn, struct), **self.changes(conn, more)}
        return conn.run(f"{inserting(self.table, tuple(values))} ON CONFLICT DO NOTHING", values) > 0

    def changes(self, conn: Conn, changes: Params) -> dict[str, Any]:
        """Some columns as parameters, from Python values."""
        return {name: bind(conn, value) for name, value in changes.items()}


def bind(conn: Conn, value: Any) -> Any:
    """Any value of a struct's field as a parameter."""
    match value:
        case datetime():
            return conn.time(value)
        case Raw():
            return raw_text(value)
        case list() | dict() | Struct():
            return json_text(value)
        case _:
            return value


def raw_text(value: Raw | None) -> str | None:
    """Opaque JSON as the text that is kept."""
    return None if value is None else str(memoryview(value), "utf-8")


def json_text(value: Any) -> str | None:
    """A value as JSON text."""
    return None if value is None else wire.encode(value).decode()


@lru_cache(maxsize=256)
def inserting(table: str, fields: tuple[str, ...]) -> str:
    """The statement that adds a row with these columns."""
    places = ", ".join(f":{name}" for name in fields)
    return f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({places})"


def _kind(hint: Any) -> tuple[Kind, Any]:
    hint = _bare(hint)
    if hint is datetime:
        return "time", hint
    if hint is bool:
        return "bool", hint
    if hint is Raw:
        return "raw", hint
    if get_origin(hint) in (list, dict) or (
        isinstance(hint, type) and issubclass(hint, (list, dict, Struct))
    ):
        return "json", hint
    return "plain", hint


def _bare(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        rest = [part for part in get_args(hint) if part not in (type(None), msgspec.UnsetType)]
        return _bare(rest[0]) if len(rest) == 1 else hint
    return hint


def _raw_value(text: str | None) -> Raw:
    if text == "{}":
        return wire.EMPTY_OBJECT
    return wire.NULL if text is None else Raw(text.encode())


def _reader(struct: type[S], hints: dict[str, Any], dialect: str) -> Callable[[Row, dict[str, Any]], S]:
    """A function of straight code, since it runs for every row that is read."""
    scope: dict[str, Any] = {"struct": struct, "raw": _raw_value}
    scope["when"] = from_micros if dialect == "sqlite" else _from_timestamp
    parts = []
    for place, (name, hint) in enumerate(hints.items()):
        kind, bare = _kind(hint)
        scope[f"decode_{name}"] = wire.decoder(bare).decode if kind == "json" else None
        parts.append(f"{name}={_expression(kind, dialect, name, place)}")
    code = f"lambda row, extra: struct({', '.join(parts)}, **extra)"
    return eval(code, scope)  # noqa: S307 - made of field names only


def _expression(kind: Kind, dialect: str, name: str, place: int) -> str:
    column = f"row[{place}]"
    match kind:
        case "time":
            return f"None if {column} is None else when({column})"
        case "bool" if dialect == "sqlite":
            return f"None if {column} is None else {column} != 0"
        case "raw":
            return f"raw({column})"
        case "json":
            return f"None if {column} is None else decode_{name}({column})"
        case _:
            return column


def _from_timestamp(moment: datetime) -> datetime:
    return whole(as_utc(moment))


def _binder(hints: dict[str, Any], dialect: str) -> Callable[[Any], dict[str, Any]]:
    scope = {"time": to_micros if dialect == "sqlite" else as_utc, "raw": raw_text, "json": json_text}
    parts = []
    for name, hint in hints.items():
        kind, _ = _kind(hint)
        value = f"s.{name}"
        if kind == "time":
            value = f"None if {value} is None else time({value})"
        elif kind in ("raw", "json"):
            value = f"{kind}({value})"
        parts.append(f"{name!r}: {value}")
    code = f"lambda s: {{{', '.join(parts)}}}"
    return eval(code, scope)  # noqa: S307 - made of field names only
