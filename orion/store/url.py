"""Database URLs: the forms that people have, made into one `Place`.

sqlite:///relative.db          sqlite:////absolute.db         sqlite://  or  sqlite:///:memory:  (tests only)
sqlite+aiosqlite:///orion.db   postgresql+asyncpg://...       postgres://user:password@host:5432/name
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from orion.errors import SettingError
from orion.store.dialect import Dialect

SQLITE = frozenset(("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"))
POSTGRES = frozenset(
    (
        "postgres",
        "postgresql",
        "postgresql+asyncpg",
        "postgresql+psycopg",
        "postgresql+psycopg2",
        "postgres+asyncpg",
    )
)


@dataclass(frozen=True)
class Place:
    """Where a database is: `path` of a SQLite file (None: in memory), or the `url` that PostgreSQL's driver takes."""

    dialect: Dialect
    path: Path | None = None
    url: str = ""

    @property
    def in_memory(self) -> bool:
        """Whether it is a SQLite database without a file."""
        return self.dialect == "sqlite" and self.path is None

    def __str__(self) -> str:
        return mask(self.url) if self.dialect == "postgres" else str(self.path or ":memory:")


def parse(url: str) -> Place:
    """The place that `url` names."""
    scheme, separator, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if separator and scheme in SQLITE:
        return _sqlite(rest)
    if separator and scheme in POSTGRES:
        return _postgres(rest)
    raise SettingError(
        f"The database URL {mask(url)!r} has no form that orion knows; "
        "use sqlite:////path/to/orion.db or postgresql://user:password@host/name."
    )


def mask(url: str) -> str:
    """The URL with its password covered, for messages."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}:********@{host}"))


def _sqlite(rest: str) -> Place:
    rest, _, query = rest.partition("?")
    file = unquote(rest.removeprefix("/"))
    if file.startswith("file:"):
        file = file.removeprefix("file:")
    if file in ("", ":memory:") or ("mode", "memory") in parse_qsl(query):
        return Place("sqlite")
    return Place("sqlite", path=Path(file).expanduser().absolute())


def _postgres(rest: str) -> Place:
    address, _, query = rest.partition("?")
    url = f"postgresql://{address}"
    if "/" not in address.rstrip("/") and "dbname=" not in query:
        raise SettingError(f"The database URL {mask(url)!r} names no database: end it with /name.")
    options = _libpq(query)
    return Place("postgres", url=f"{url}?{options}" if options else url)


def _libpq(query: str) -> str:
    """Query options of other drivers in libpq's words: `ssl=require` is `sslmode=require`; cache options go."""
    renamed = {"ssl": "sslmode", "timeout": "connect_timeout"}
    dropped = {"prepared_statement_cache_size", "statement_cache_size", "command_timeout"}
    pairs = [(renamed.get(key, key), value) for key, value in parse_qsl(query) if key not in dropped]
    return urlencode(
        [(key, "require" if key == "sslmode" and value == "true" else value) for key, value in pairs]
    )
