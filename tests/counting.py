"""How many statements something costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from orion.store import Store


class Counted:
    """A connection that counts its statements."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._conn, name)
        if name not in ("all", "one", "run", "many"):
            return found

        def counted(*args: Any) -> Any:
            self.count += 1
            return found(*args)

        return counted


def statements(store: Store, fn: Callable[..., Any], *args: Any, **kw: Any) -> int:
    """How many statements `fn` runs, in one transaction."""

    def counted(conn: Any) -> int:
        wrapped = Counted(conn)
        fn(wrapped, *args, **kw)
        return wrapped.count

    return store.write_now(counted)


@contextmanager
def reads(store: Store) -> Iterator[Callable[[], int]]:
    """How many statements of reads the store has been given since the beginning of the block, whoever gave them."""
    counted: list[Counted] = []
    real = store.read_now

    def read_now(fn: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        def watched(conn: Any, *args: Any, **kw: Any) -> Any:
            counted.append(Counted(conn))
            return fn(counted[-1], *args, **kw)

        return real(watched, *args, **kw)

    with patch.object(store, "read_now", read_now):
        yield lambda: sum(each.count for each in counted)
