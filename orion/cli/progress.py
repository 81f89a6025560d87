"""How far a long command is: one line on stderr that goes again, and only where a person looks at a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

LATE_SECONDS = 1.0  # what is over by then needs no progress
AGAIN_SECONDS = 0.2
WIDTH = 30


class Progress:
    """A bar that is drawn at most five times a second; `to` says how much is done."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total = what, total
        self.shown = sys.stderr.isatty()
        self.next = time.monotonic() + LATE_SECONDS
        self.drawn = False

    def to(self, done: int) -> None:
        """So much is done."""
        if self.shown and time.monotonic() >= self.next:
            self.next = time.monotonic() + AGAIN_SECONDS
            self._draw(bar(self.what, done, self.total))

    def say(self, text: str) -> None:
        """Print a line in place of the bar, which comes again below it."""
        self.clear()
        print(text, flush=True)

    def clear(self) -> None:
        """Take the bar away."""
        if self.drawn:
            self._draw("")
            self.drawn = False

    def _draw(self, text: str) -> None:
        self.drawn = True
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def bar(what: str, done: int, total: int) -> str:
    """`Deleting  [#####.....]  50%  100 of 200`."""
    part = min(done / total, 1.0) if total else 1.0
    marks = "#" * round(part * WIDTH)
    return f"{what}  [{marks:.<{WIDTH}}] {part:>4.0%}  {done:,} of {total:,}"


def each(what: str, items: Sequence[Item]) -> Iterator[tuple[Item, Callable[[str], None]]]:
    """The items one after the other under a bar, each with a `print` that knows of it."""
    progress = Progress(what, len(items))
    try:
        for number, item in enumerate(items):
            progress.to(number)
            yield item, progress.say
    finally:
        progress.clear()


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that says itself how many of how many are done."""
    progress = Progress(what, 0)

    def tell(done: int, total: int) -> None:
        progress.total = total
        progress.to(done)

    try:
        yield tell
    finally:
        progress.clear()


_counts = False  # whether a line of `waiting` is there already


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """The seconds that go by, for work that cannot say how far it is; what is done within it shows none."""
    global _counts
    if _counts or not sys.stderr.isatty():
        yield
        return
    over, _counts = threading.Event(), True
    clock = threading.Thread(target=_count, args=(what, over), daemon=True)
    clock.start()
    try:
        yield
    finally:
        over.set()
        clock.join()
        _counts = False


def _count(what: str, over: threading.Event) -> None:
    begun, drawn = time.monotonic(), False
    while not over.wait(LATE_SECONDS):
        drawn = True
        print(f"\r\x1b[K{what}  {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)
    if drawn:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
